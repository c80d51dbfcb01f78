"""Growth and run-wise latency: bounds that hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from rollout.judge.runs import level_of, ratio_of
from rollout.judge.trend import trend

RANDOM = np.random.default_rng(7)


def series(growth: float, samples: int = 240, noise: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """A memory that grows by `growth` MiB over eight hours, with noise that resembles itself from sample to sample."""
    moments = np.linspace(0.0, 8 * 3600.0, samples)
    shocks = RANDOM.normal(0, noise, samples)
    wander = np.zeros(samples)
    for index in range(1, samples):
        wander[index] = 0.8 * wander[index - 1] + shocks[index]
    return moments, 26 + growth * moments / moments[-1] + wander


def test_growth_is_found_with_its_bounds() -> None:
    """Over many series the bounds enclose the true growth about as often as 90 % asks, whatever the growth."""
    inside = [line.lower <= 3 <= line.upper for _ in range(300) if (line := trend(*series(3.0))) is not None]
    assert len(inside) == 300
    assert 0.82 <= np.mean(inside) <= 0.96


def test_a_leak_is_told_from_a_flat_line() -> None:
    """Eight MiB more than the plan allows are refuted; none at all is proven harmless; the order of the samples does not matter."""
    leaking, flat = trend(*series(20.0)), trend(*series(0.0))
    assert leaking is not None
    assert flat is not None
    assert leaking.lower > 8
    assert flat.upper < 8
    moments, values = series(1.0)
    assert trend(moments[::-1], values[::-1]) == trend(moments, values)


def test_a_constant_series_does_not_grow() -> None:
    """No noise, no growth, and bounds of zero: not a division by it."""
    line = trend(np.arange(40.0), np.full(40, 25.0))
    assert line is not None
    assert (line.growth, line.lower, line.upper, line.samples) == (0, 0, 0, 40)


@pytest.mark.parametrize("samples", [0, 1, 19])
def test_too_few_samples_have_no_trend(samples: int) -> None:
    """Nothing is said of a series that a line would merely connect."""
    assert trend(np.arange(float(samples)), np.full(samples, 25.0)) is None
    assert trend(np.zeros(40), np.full(40, 25.0)) is None


def test_the_bound_of_a_level_comes_from_its_runs() -> None:
    """Six runs of 50 ms with ten per cent between runs: the bound holds the truth in 95 % of levels, however many requests each had."""
    levels = [level_of(list(0.05 * np.exp(RANDOM.normal(0, 0.1, 6)))) for _ in range(600)]
    assert all(level is not None for level in levels)
    assert 0.92 <= np.mean([level.upper >= 0.05 for level in levels if level]) <= 0.98
    assert level_of([0.05]) is None
    assert level_of([]) is None


def test_a_ratio_compares_run_by_run() -> None:
    """Twice as slow is twice as slow with a bound above; equal runs have a ratio of one; one run proves nothing."""
    before = list(0.03 * np.exp(RANDOM.normal(0, 0.05, 6)))
    slow = ratio_of([2 * seconds for seconds in before], before)
    assert slow is not None
    assert slow.value == pytest.approx(2)
    assert 2 < slow.upper < 2.3
    same = ratio_of([0.03] * 3, [0.03] * 3)
    assert same is not None
    assert (same.value, same.upper) == (pytest.approx(1), pytest.approx(1))
    assert ratio_of([0.03], before) is None
