"""What a run has seen so far, and the outcome that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from rollout.errors import NotPassed, OwnershipLost, RollbackIncomplete
from rollout.executor import Reversal
from rollout.report import BatchReport, LevelReport, OptimizationReport, Outcome, StepReport
from rollout.verdict import Finding


@dataclass
class RunRecord:
    """Grows while the day runs; the report is made of it. started: Unix seconds."""

    started: float
    steps: list[StepReport] = field(default_factory=list)
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    batches: list[BatchReport] = field(default_factory=list)
    levels: list[LevelReport] = field(default_factory=list)
    samples: dict[str, str] = field(default_factory=dict)
    unknowns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reversal: Reversal | None = None
    reversal_cause: str = ""
    seconds_to_healthy: float | None = None
    baseline_after: str = "not measured"
    optimization: OptimizationReport | None = None


def outcome_of(record: RunRecord, error: BaseException | None, still_changed: int) -> Outcome:
    """How the run ended. still_changed: agents that the ledger says may differ from before; without any there is nothing to hold."""
    if error is None:
        return Outcome.COMPLETE
    if isinstance(error, RollbackIncomplete) and (still_changed or record.reversal is None):  # else a later try has brought the rest back
        return Outcome.ROLLBACK_INCOMPLETE
    if record.reversal is not None:
        return Outcome.HELD if still_changed else Outcome.ROLLED_BACK
    if isinstance(error, OwnershipLost) or still_changed:
        return Outcome.HELD
    return Outcome.NOT_PASSED if isinstance(error, NotPassed) else Outcome.REFUSED
