"""What happens next, decided by a pure function of what is known: abort before rollback before setting back before hold before promote."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from rollout.verdict import Verdict


class Decision(Enum):
    """What the batch loop does after a gate."""

    PROMOTE = "promote"
    EXTEND_BAKE = "extend the bake"
    HOLD = "hold"
    SET_BACK = "set the guilty back"
    ROLL_BACK = "roll back"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class FailureBudget:
    """How many agents may fail; the smaller of the two counts. agents: absolute; percent: of those attempted."""

    agents: int
    percent: float

    def exceeded(self, failed: int, attempted: int) -> bool:
        """Whether more failed than either limit allows."""
        return failed > min(self.agents, math.floor(self.percent / 100 * attempted))


@dataclass(frozen=True, slots=True)
class Progress:
    """All that a decision needs. failed, attempted: agents of this batch and of the whole run so far, unreachable ones counted as failed.

    verdict: the worst of this batch's gates; proceed: whether the judge lets an inconclusive batch pass; extensions_left: of the bake;
    last: whether no batch follows; separable: whether every gate that failed blames certain agents, counted as failed, and lets them go back alone.
    """

    verdict: Verdict
    proceed: bool
    failed_in_batch: int
    batch_size: int
    failed_in_run: int
    attempted_in_run: int
    extensions_left: int
    last: bool
    separable: bool = False


def decide(progress: Progress, per_batch: FailureBudget, cumulative: FailureBudget) -> Decision:
    """The next step. An ERROR is never a bad batch and never a good one: it holds."""
    over_batch = per_batch.exceeded(progress.failed_in_batch, progress.batch_size)
    over_run = cumulative.exceeded(progress.failed_in_run, progress.attempted_in_run)
    if over_batch or over_run:
        return Decision.ROLL_BACK
    if progress.verdict is Verdict.FAIL:
        return Decision.SET_BACK if progress.separable else Decision.ROLL_BACK
    if progress.verdict is Verdict.ERROR:
        return Decision.HOLD
    if progress.verdict is Verdict.PASS or progress.proceed:
        return Decision.COMPLETE if progress.last else Decision.PROMOTE
    return Decision.EXTEND_BAKE if progress.extensions_left > 0 else Decision.HOLD
