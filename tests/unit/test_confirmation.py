"""Back at the baseline: what may be said of a fleet after a rollback, and of whom."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from rollout.confirmation import LATENCY, _compared
from rollout.verdict import Verdict

ALLOWED = 0.25


def latencies(**of: float) -> pd.DataFrame:
    """One sample of each agent."""
    return pd.DataFrame({"agent": list(of), "metric": LATENCY, "value": list(of.values())})


@pytest.mark.parametrize(
    ("before", "after", "verdict", "said"),
    [
        ({"A": 1.0, "B": 2.0}, {"A": 1.1, "B": 2.0}, Verdict.PASS, r"median latency of 2 \+5\.0%"),
        ({"A": 1.0, "B": 2.0}, {"A": 2.0, "B": 4.0}, Verdict.FAIL, r"\+100\.0%"),
        ({"A": 1.0, "B": 2.0}, {"A": 1.0}, Verdict.INCONCLUSIVE, "no latency sample has arrived of B"),
        ({"A": 1.0}, {"A": 1.0, "B": 2.0}, Verdict.ERROR, "the baseline has no latency of B"),
        ({"A": 1.0, "B": 2.0, "C": 9.0}, {"A": 1.0, "B": 2.0, "C": 1.0}, Verdict.PASS, r"of 2 \+0\.0%"),
    ],
)
def test_all_who_serve_work_speak_or_nobody_does(before: dict[str, float], after: dict[str, float], verdict: Verdict, said: str) -> None:
    """One agent that is missing after the rollback is waited for, one that the baseline lacks cannot be compared; others do not speak for them."""
    seen, sentence = _compared(latencies(**before), latencies(**after), {"A", "B"}, ALLOWED)
    assert seen is verdict
    assert re.search(said, sentence)


def test_a_fleet_that_serves_nobody_has_no_latency() -> None:
    """Hubs alone: not measured, instead of a median of nothing."""
    assert _compared(latencies(A=1.0), latencies(A=1.0), (), ALLOWED)[0] is Verdict.ERROR
