"""The ranking of candidates: the same survey always gives the same order, and nobody is optimised by name only."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from rollout.candidates import COLUMNS, Worth, rank_candidates
from rollout.plan import Floor

FLOOR = Floor(seconds=0.1, share=0.2)
ROWS = [
    ("m/Light", 0.12, 0.11, 0.05, 0.04, 12, ""),
    ("m/Heavy", 0.60, 0.10, 0.45, 0.02, 12, ""),
    ("m/Heavier", 0.90, 0.10, 0.70, 0.02, 12, ""),
    ("m/Medium", 0.40, 0.12, 0.25, 0.02, 12, ""),
    ("m/Slow", 3.00, 2.80, 0.30, 0.10, 12, ""),
    ("m/Hub", 0.60, 0.10, 0.45, 0.02, 0, ""),
    ("m/Broken", 0.60, math.nan, 0.45, math.nan, 12, "ended by itself, ImportError"),
]


def survey(rows: list[tuple[object, ...]] | None = None) -> pd.DataFrame:
    """A survey of these rows."""
    return pd.DataFrame(rows or ROWS, columns=list(COLUMNS))


def test_those_that_save_most_come_first_and_the_count_ends_the_day() -> None:
    """By seconds saved; what is worth it and does not fit keeps its rank for the next day."""
    ranking = rank_candidates(survey(), FLOOR, count=2)
    assert ranking.chosen == ("m/Heavier", "m/Heavy")
    assert ranking.of(Worth.LATER) == ("m/Medium",)
    assert [each.rank for each in ranking.all] == [1, 2, 3, 0, 0, 0, 0]


def test_the_order_does_not_depend_on_that_of_the_rows() -> None:
    """Shuffled rows and equal savings give one order: start-up, import cost, then the name decide."""
    rows = [("m/B", 0.6, 0.1, 0.4, 0.0, 1, ""), ("m/A", 0.6, 0.1, 0.4, 0.0, 1, ""), ("m/C", 0.7, 0.2, 0.4, 0.0, 1, "")]
    orders = {rank_candidates(survey([rows[i] for i in order]), FLOOR, 3).chosen for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0))}
    assert orders == {("m/C", "m/A", "m/B")}


@pytest.mark.parametrize(
    ("agent", "worth", "reason"),
    [
        ("m/Light", Worth.NOT_WORTH_IT, "saves 0.010 s of 0.120 s, 8%; the floor is 0.1 s and 20%"),
        ("m/Slow", Worth.NOT_WORTH_IT, "saves 0.200 s of 3.000 s, 7%"),
        ("m/Hub", Worth.NO_CONTRACT, "answers no request"),
        ("m/Broken", Worth.NOT_MEASURED, "ended by itself, ImportError"),
    ],
)
def test_who_is_no_candidate_is_told_why(agent: str, worth: Worth, reason: str) -> None:
    """Below either floor, without a contract, or without a start on both sides: never among the chosen, always with the reason."""
    ranking = rank_candidates(survey(), FLOOR, count=7)
    (found,) = [each for each in ranking.all if each.agent == agent]
    assert agent not in ranking.chosen
    assert found.worth is worth
    assert reason in found.reason
