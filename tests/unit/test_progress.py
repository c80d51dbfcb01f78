"""What happens next, from what is known: a table of all cases that matter."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from rollout.progress import Decision, FailureBudget, Progress, decide
from rollout.verdict import Verdict

GOOD = Progress(
    verdict=Verdict.PASS, proceed=False, failed_in_batch=0, batch_size=10, failed_in_run=0, attempted_in_run=21, extensions_left=1, last=False
)
NONE = FailureBudget(0, 0)
SOME = FailureBudget(agents=2, percent=20)


@pytest.mark.parametrize(
    ("known", "decision"),
    [
        ({}, Decision.PROMOTE),
        ({"last": True}, Decision.COMPLETE),
        ({"verdict": Verdict.INCONCLUSIVE}, Decision.EXTEND_BAKE),
        ({"verdict": Verdict.INCONCLUSIVE, "proceed": True}, Decision.PROMOTE),
        ({"verdict": Verdict.INCONCLUSIVE, "proceed": True, "last": True}, Decision.COMPLETE),
        ({"verdict": Verdict.INCONCLUSIVE, "extensions_left": 0}, Decision.HOLD),
        ({"verdict": Verdict.ERROR}, Decision.HOLD),
        ({"verdict": Verdict.ERROR, "proceed": True, "last": True}, Decision.HOLD),
        ({"verdict": Verdict.FAIL}, Decision.ROLL_BACK),
        ({"verdict": Verdict.FAIL, "proceed": True, "last": True}, Decision.ROLL_BACK),
        ({"failed_in_batch": 1, "failed_in_run": 1}, Decision.ROLL_BACK),
        ({"failed_in_run": 1}, Decision.ROLL_BACK),
        ({"verdict": Verdict.ERROR, "failed_in_batch": 1}, Decision.ROLL_BACK),
        ({"verdict": Verdict.FAIL, "separable": True}, Decision.SET_BACK),
        ({"verdict": Verdict.PASS, "separable": True}, Decision.PROMOTE),
        ({"verdict": Verdict.FAIL, "separable": True, "failed_in_batch": 1}, Decision.ROLL_BACK),
    ],
)
def test_the_decision_follows_from_what_is_known(known: dict[str, object], decision: Decision) -> None:
    """Abort before rollback before hold before promote."""
    assert decide(replace(GOOD, **known), NONE, NONE) is decision


def test_nothing_but_a_pass_or_a_proceed_goes_on() -> None:
    """Over all combinations: an error or a failure never promotes or completes."""
    for verdict, proceed, extensions, last in product(Verdict, (True, False), (0, 1), (True, False)):
        decision = decide(replace(GOOD, verdict=verdict, proceed=proceed, extensions_left=extensions, last=last), NONE, NONE)
        may = verdict is Verdict.PASS or (verdict is Verdict.INCONCLUSIVE and proceed)
        assert (decision in (Decision.PROMOTE, Decision.COMPLETE)) is may


def test_the_guilty_alone_go_back_inside_the_budgets() -> None:
    """One of ten where a fifth may fail, and no more agents in the run than may: beyond either everything that the gate's scope says comes back."""
    bad = replace(GOOD, verdict=Verdict.FAIL, separable=True, failed_in_batch=1, failed_in_run=1)
    assert decide(bad, SOME, SOME) is Decision.SET_BACK
    assert decide(replace(bad, failed_in_batch=3, failed_in_run=3), SOME, FailureBudget(9, 100)) is Decision.ROLL_BACK
    assert decide(replace(bad, failed_in_run=3), SOME, SOME) is Decision.ROLL_BACK
    assert decide(replace(bad, batch_size=1), SOME, SOME) is Decision.ROLL_BACK  # a canary has no fifth


@pytest.mark.parametrize(("failed", "attempted", "over"), [(1, 10, False), (2, 10, False), (3, 10, True), (1, 4, True), (0, 1, False), (2, 9, True)])
def test_the_smaller_limit_of_a_budget_counts(failed: int, attempted: int, *, over: bool) -> None:
    """Two agents or a fifth of those attempted, rounded down."""
    assert SOME.exceeded(failed, attempted) is over
