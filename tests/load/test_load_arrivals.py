"""When requests are due and how long they took: the two things that a load generator must not get wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.load.histogram import Histogram
from rollout.load.order import Order, Target, WeightedUrl
from rollout.load.schedule import schedule
from rollout.plan.load import StopConditions

STOP = StopConditions(requests=100, error_ratio=0.5, latency=5)
WORK, HEALTH = WeightedUrl(url="http://a/work", weight=3), WeightedUrl(url="http://a/health", weight=1)


def order(*rates: float, seconds: float = 10.0, seed: int = 1) -> Order:
    """One target for each rate."""
    targets = tuple(Target(agent=f"east/Agent{number}", rate=rate, requests=(WORK, HEALTH)) for number, rate in enumerate(rates))
    return Order(level="level", seconds=seconds, timeout=1, runs=3, seed=seed, stop=STOP, targets=targets)


def test_every_target_gets_the_requests_that_its_rate_says() -> None:
    """Exactly rate times seconds each, in the order of time, inside the level, in the shares of the mix."""
    made = schedule(order(20.0, 5.0))
    assert np.bincount(made.target).tolist() == [200, 50]
    assert (np.diff(made.due) >= 0).all()
    assert made.due.min() >= 0
    assert made.due.max() < 10
    assert np.bincount(made.request[made.target == 0]).tolist() == [150, 50]


def test_arrivals_are_independent_of_each_other() -> None:
    """Gaps between arrivals vary as those of independent callers do (a coefficient of variation of one), not like a metronome's."""
    gaps = np.diff(schedule(order(100.0, 100.0)).due)
    assert 0.9 < gaps.std() / gaps.mean() < 1.1


def test_a_schedule_can_be_repeated() -> None:
    """The same seed has the same arrivals, another seed others: runs can be paired."""
    assert (schedule(order(9.0)).due == schedule(order(9.0)).due).all()
    assert (schedule(order(9.0)).due != schedule(order(9.0, seed=2)).due).any()


def test_a_rate_too_low_for_one_request_gets_one() -> None:
    """Nobody is left out of a short level."""
    assert len(schedule(order(0.01, seconds=1))) == 1


@given(st.lists(st.floats(min_value=2e-4, max_value=200), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99, 0.999]))
def test_a_percentile_is_never_below_the_truth_and_hardly_above(values: list[float], share: float) -> None:
    """At most one per cent too much, for every share."""
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    exact = sorted(values)[max(0, int(np.ceil(share * len(values))) - 1)]
    found = histogram.percentile(share)
    assert found is not None
    assert exact * (1 - 1e-9) <= found <= exact * 1.01 * (1 + 1e-9)


def test_histograms_add_up() -> None:
    """Two parts together are what one would have counted; nothing counted has no percentile."""
    parts, whole = [Histogram(), Histogram()], Histogram()
    for number in range(1, 101):
        parts[number % 2].record(number / 100)
        whole.record(number / 100)
    assert (parts[0] + parts[1]).counts == whole.counts
    assert whole.total == 100
    assert Histogram().percentile(0.5) is None


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9])
def test_what_is_faster_than_can_be_told_counts_as_the_fastest(seconds: float) -> None:
    """No value is lost."""
    histogram = Histogram()
    histogram.record(seconds)
    assert histogram.percentile(1.0) == pytest.approx(1e-4)
