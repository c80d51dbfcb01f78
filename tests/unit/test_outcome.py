"""The outcome that follows from what a run has seen."""

from __future__ import annotations

import pytest

from flows.outcome import RunRecord, outcome_of
from rollout.errors import Drift, GateFailed, GeneratorFault, Held, NotPassed, OwnershipLost, Refused, RollbackIncomplete, SourceFault
from rollout.executor import Reversal
from rollout.plan import RollbackScope
from rollout.report import Outcome

BACK = Reversal(0.0, 10.0, ("east/A",))


@pytest.mark.parametrize(
    ("error", "reversal", "still_changed", "outcome"),
    [
        (None, None, 77, Outcome.COMPLETE),
        (Refused("no"), None, 0, Outcome.REFUSED),
        (GateFailed("ready", []), None, 0, Outcome.REFUSED),
        (GateFailed("activation", []), BACK, 0, Outcome.ROLLED_BACK),
        (GateFailed("activation", []), BACK, 5, Outcome.HELD),  # one batch went back, the others stay
        (NotPassed("too slow"), None, 0, Outcome.NOT_PASSED),
        (GeneratorFault("died"), None, 0, Outcome.NOT_PASSED),
        (NotPassed("too slow"), None, 1, Outcome.HELD),
        (KeyboardInterrupt(), BACK, 0, Outcome.ROLLED_BACK),
        (Held("a person decides"), None, 10, Outcome.HELD),
        (Held("a person decides"), None, 0, Outcome.REFUSED),  # there is nothing to hold
        (Drift("changed", ["east/B"]), None, 10, Outcome.HELD),
        (SourceFault("away"), None, 10, Outcome.HELD),
        (OwnershipLost("somebody else"), None, 0, Outcome.HELD),
        (RollbackIncomplete("left", ["east/A"]), BACK, 1, Outcome.ROLLBACK_INCOMPLETE),
        (RollbackIncomplete("left", ["east/A"]), None, 0, Outcome.ROLLBACK_INCOMPLETE),
        (RollbackIncomplete("late", ["east/A"]), BACK, 0, Outcome.ROLLED_BACK),  # a second try has brought it back
    ],
)
def test_the_outcome_follows_from_error_rollback_and_ledger(
    error: BaseException | None, reversal: Reversal | None, still_changed: int, outcome: Outcome
) -> None:
    """A run that left agents changed is never "rolled back" or "refused"; one that left somebody behind says so first."""
    record = RunRecord(0.0, reversal=reversal)
    assert outcome_of(record, error, still_changed) is outcome


@pytest.mark.parametrize(
    ("scope", "batch", "blamed", "back"),
    [
        (RollbackScope.DAY, ("east/A", "east/B"), ("east/A",), None),
        (RollbackScope.BATCH, ("east/A", "east/B"), ("east/A",), ("east/A", "east/B")),
        (RollbackScope.AGENT, ("east/A", "east/B"), ("east/B", "west/C"), ["east/B"]),
        (RollbackScope.AGENT, ("east/A", "east/B"), (), ("east/A", "east/B")),
        (RollbackScope.AGENT, (), ("east/A",), None),
    ],
)
def test_a_failed_gate_brings_back_as_far_as_its_scope_says(
    scope: RollbackScope, batch: tuple[str, ...], blamed: tuple[str, ...], back: object
) -> None:
    """The day, the batch, or the agents that the gate blames; outside the batches and without a name the next wider one."""
    assert scope.to_bring_back(batch, blamed) == back
