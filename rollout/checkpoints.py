"""The dated record of the plan's validation checkpoints (plan.md lines 418-422), each judged from the report of the day that it closes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.journal import Journal
from rollout.ledger import Ledger
from rollout.plan import Plan
from rollout.report import DayReport, Outcome
from rollout.verdict import Standing, Verdict


class CheckpointKind(Enum):
    """When it is due."""

    DAILY = "daily"
    POST_DEPLOYMENT = "post-deployment"
    END_OF_DAY = "end of day"
    WEEK_END = "week end"


CHECKPOINT_OF: Mapping[str, CheckpointKind] = {
    "C.1": CheckpointKind.DAILY,
    "C.2": CheckpointKind.POST_DEPLOYMENT,
    "C.3": CheckpointKind.END_OF_DAY,
    "C.4": CheckpointKind.WEEK_END,
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint that was taken. at: Unix seconds; run: the day's; verdict: of what it asks."""

    at: float
    kind: CheckpointKind
    site: str
    day: int
    run: str
    verdict: Verdict
    sentence: str


class CheckpointFile:
    """`checkpoints.jsonl` of a site's state folder, append-only."""

    def __init__(self, state: Path) -> None:
        self.file = state / "checkpoints.jsonl"

    def append(self, checkpoint: Checkpoint) -> None:
        """Add one; it is on disk before this returns. Raises OSError."""
        Journal(self.file).append(asdict(checkpoint) | {"kind": checkpoint.kind.value, "verdict": checkpoint.verdict.name})

    def entries(self) -> list[Checkpoint]:
        """All of them, oldest first. Raises InputError where a line is no checkpoint."""
        return Journal(self.file).read(_entry_of, "a checkpoint")


def _entry_of(record: Any) -> Checkpoint:  # noqa: ANN401 (a line's JSON)
    return Checkpoint(**record | {"kind": CheckpointKind(record["kind"]), "verdict": Verdict[record["verdict"]]})


def day_checkpoints(report: DayReport, ledger: Ledger, plan: Plan, now: float) -> list[Checkpoint]:
    """The checkpoints that are due when a day ends, judged from its report and its ledger. now: Unix seconds."""
    due = [(CheckpointKind.DAILY, _daily(report)), (CheckpointKind.END_OF_DAY, _end_of_day(report))]
    if plan.day(report.day).change is not None:
        success = [criterion.id for criterion in plan.criteria_of(report.day) if criterion.kind == "success"]
        due.insert(1, (CheckpointKind.POST_DEPLOYMENT, _post_deployment(report, ledger, success)))
    return [Checkpoint(now, kind, report.site, report.day, report.run_id, *judged) for kind, judged in due]


def _daily(report: DayReport) -> tuple[Verdict, str]:
    """System health validation and performance baseline confirmation."""
    well = sum(agent.verified is True for agent in report.agents)
    health = f"{well} of {len(report.agents)} agents were seen well at the end"
    if not report.agents or any(agent.verified is None for agent in report.agents):
        return Verdict.ERROR, f"{health}; the others were not seen"
    if well < len(report.agents):
        return Verdict.FAIL, health
    baseline = any(name.endswith("baseline.parquet") for name in report.evidence)
    return (Verdict.PASS, f"{health}; the day took its baseline") if baseline else (Verdict.INCONCLUSIVE, f"{health}; the day took no baseline")


def _post_deployment(report: DayReport, ledger: Ledger, success: Collection[str]) -> tuple[Verdict, str]:
    """Individual component validation and rollback readiness."""
    unmet = [criterion.id for criterion in report.criteria if criterion.id in success and criterion.verdict is not Standing.MET]
    kept = {snapshot.agent for snapshot in ledger.changed()}
    changed = [agent.agent for agent in report.agents if agent.step == "verified"]
    ready = f"the prior state of {sum(agent in kept for agent in changed)} of {len(changed)} changed agents is on record"
    if report.outcome is not Outcome.COMPLETE:
        return Verdict.FAIL, f"the deployment ended {report.outcome.value}; {ready}"
    if not set(changed) <= kept:
        return Verdict.FAIL, ready
    return (
        (Verdict.INCONCLUSIVE, f"not MET: {', '.join(unmet)}; {ready}") if unmet else (Verdict.PASS, f"the day's success criteria are MET; {ready}")
    )


def _end_of_day(report: DayReport) -> tuple[Verdict, str]:
    """Comprehensive system status and success criteria assessment."""
    if report.alert is None:
        return Verdict.ERROR, "nothing was observed at the end"
    measured = sum(criterion.verdict is not Standing.NOT_MEASURED for criterion in report.criteria)
    return Verdict.PASS, f"alert level {report.alert.level}; {measured} of {len(report.criteria)} criteria were measured, the others are named"
