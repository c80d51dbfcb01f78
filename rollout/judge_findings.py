"""Judgements as findings: the judge's own sentences with the evidence behind them; a shadow metric is told and has no vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rollout.judge.day import DayJudgement, MetricDay
from rollout.judge.judgement import BatchJudgement, MetricJudgement
from rollout.judge.sentence import amount
from rollout.judge.soak import SoakJudgement
from rollout.verdict import Evidence, Finding, Verdict

GATE, SHADOW = "impact", "shadow"
NOBODY_VOTES = "Measured and stored, but no metric has a vote: harmless or not, it is not proven."
NOTHING_JUDGED = "No batch was judged, so nothing is proven."


def batch_findings(judgement: BatchJudgement, evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per metric that applies to the batch: `impact.<metric>`, or `shadow.<metric>` without a vote and never worse than INCONCLUSIVE.

    evidence: source, query and window; its samples are replaced by the agents compared, controls included.
    """
    return tuple(_of_metric(metric, evidence) for metric in judgement.metrics if metric.applicable)


def day_findings(judgement: DayJudgement, evidence: Evidence, batches: Sequence[BatchJudgement] = ()) -> tuple[Finding, ...]:
    """One finding per voting metric over the pooled batches, and one for the soak. Shadow metrics stand in day_shadows: here each finding counts.

    batches: the judgements that were pooled; they know units and the guilty. Without a judgement nothing was measured, ERROR; a day on which
    no metric votes is INCONCLUSIVE.
    """
    if not judgement.metrics:
        return (Finding(GATE, Verdict.ERROR, "no batch was judged", "", NOTHING_JUDGED, replace(evidence, samples=0)),)
    voting = [metric for metric in judgement.metrics if not metric.shadow]
    if not voting:
        return (Finding(GATE, Verdict.INCONCLUSIVE, "no metric votes", "", NOBODY_VOTES, replace(evidence, samples=0)),)
    found = tuple(_of_day(metric, evidence, batches) for metric in voting)
    return found if judgement.soak is None else (*found, _of_soak(judgement.soak, evidence))


def day_shadows(judgement: DayJudgement, evidence: Evidence, batches: Sequence[BatchJudgement] = ()) -> tuple[Finding, ...]:
    """One finding `shadow.<metric>` per metric of the pooled day without a vote, for the report alone; never worse than INCONCLUSIVE."""
    return tuple(_of_day(metric, evidence, batches) for metric in judgement.metrics if metric.shadow)


def _of_metric(metric: MetricJudgement, evidence: Evidence) -> Finding:
    """One metric of one batch; agents are the guilty, or those that could not be judged."""
    figures = metric.figures
    observed = "not measured" if figures is None else _observed(metric, figures.estimate, figures.lower, figures.upper)
    seen = replace(evidence, samples=metric.agents + metric.controls if metric.agents else 0)
    verdict = _heard(metric.verdict, shadow=metric.shadow)
    lost = tuple(sorted({one.agent for one in metric.unseen} | set(metric.uncontrolled)))
    return Finding(_check(metric), verdict, observed, _bound(metric.bound, metric), metric.sentence, seen, metric.guilty or lost)


def _of_day(metric: MetricDay, evidence: Evidence, batches: Sequence[BatchJudgement]) -> Finding:
    """One metric of the pooled day; agents are the guilty of all its batches."""
    parts = [part for batch in batches for part in batch.metrics if part.metric == metric.metric]
    like = parts[0] if parts else None
    measured = metric.estimate is not None and metric.lower is not None and metric.upper is not None
    observed = _observed(like, metric.estimate or 0.0, metric.lower or 0.0, metric.upper or 0.0) if measured else "not measured"
    guilty = tuple(sorted({agent for part in parts for agent in part.guilty}))
    verdict = _heard(metric.verdict, shadow=metric.shadow)
    return Finding(_check(metric), verdict, observed, _bound(metric.bound, like), metric.sentence, replace(evidence, samples=metric.agents), guilty)


def _of_soak(soak: SoakJudgement, evidence: Evidence) -> Finding:
    """What the soak showed; agents are those that drift and those that could not be compared."""
    named = tuple(sorted({one.agent for one in soak.drifting} | set(soak.unseen)))
    seen = replace(evidence, samples=soak.agents)
    return Finding(f"{GATE}.soak", soak.verdict, f"{soak.agents} agents", "none drifts", soak.sentence, seen, named)


def _check(metric: MetricJudgement | MetricDay) -> str:
    return f"{SHADOW if metric.shadow else GATE}.{metric.metric}"


def _heard(verdict: Verdict, *, shadow: bool) -> Verdict:
    """A shadow metric proves nothing and condemns nobody."""
    return Verdict.INCONCLUSIVE if shadow else verdict


def _observed(like: MetricJudgement | None, estimate: float, lower: float, upper: float) -> str:
    """The estimate with its one-sided 95 % bounds."""
    return f"{_amount(estimate, like)} [{_amount(lower, like)}, {_amount(upper, like)}]"


def _bound(bound: float, like: MetricJudgement | None) -> str:
    return f"< {_amount(bound, like, signed=False)}"


def _amount(value: float, like: MetricJudgement | None, *, signed: bool = True) -> str:
    """In the metric's unit as the judge's sentences print it; a plain number where no batch says the unit."""
    return f"{value:{'+' if signed else ''}.4g}" if like is None else amount(value, like, signed=signed)
