"""Findings, steps and levels as they stand in a report."""

from __future__ import annotations

from collections.abc import Iterable

from rollout.alert import Alert
from rollout.plan import Step
from rollout.report import AlertReport, CheckReport, CriterionReport, StepReport
from rollout.verdict import STANDING_OF, Finding, Standing, Verdict


def criterion_report(identity: str, statement: str, bound: str, findings: Iterable[Finding], measured_by: str = "") -> CriterionReport:
    """What the findings allow to say of a criterion; without findings it was not measured. measured_by: empty where a record of old ones did."""
    chosen = max(findings, key=lambda finding: finding.verdict, default=None)
    if chosen is None:
        return CriterionReport(
            id=identity, statement=statement, verdict=Standing.NOT_MEASURED, observed="not measured", bound=bound,
            source="", query="", window=None, samples=0, sentence="Nothing in this run measured it.",
            measured_by=measured_by,
        )  # fmt: skip
    evidence = chosen.evidence
    return CriterionReport(
        id=identity,
        statement=statement,
        verdict=STANDING_OF[chosen.verdict],
        observed=chosen.observed if chosen.verdict is not Verdict.ERROR else f"not measured ({chosen.observed})",
        bound=bound,
        source=evidence.source if evidence else "",
        query=evidence.query if evidence else "",
        window=(evidence.start, evidence.end) if evidence else None,
        samples=evidence.samples if evidence else 0,
        sentence=chosen.sentence,
        agents=chosen.agents,
        measured_by=measured_by,
    )


def alert_report(alert: Alert) -> AlertReport:
    """A level as it stands in a report."""
    return AlertReport(level=alert.level.name, reasons=alert.reasons)


def step_report(step: Step, began: float, ended: float) -> StepReport:
    """A step of the plan with the time that it took, in Unix seconds."""
    hours = [f"{hour:%H:%M}" if hour else None for hour in (step.begins, step.ends)]
    return StepReport(
        title=step.title,
        source=step.source,
        planned_from=hours[0],
        planned_to=hours[1],
        budget_seconds=step.seconds,
        began=began,
        ended=ended,
    )


def check_report(gate: str, finding: Finding) -> CheckReport:
    """A finding as it stands in a report."""
    return CheckReport(
        gate=gate,
        check=finding.check,
        verdict=finding.verdict.name,
        observed=finding.observed,
        bound=finding.bound,
        sentence=finding.sentence,
        samples=finding.evidence.samples if finding.evidence else 0,
        agents=finding.agents,
    )
