"""Latencies of a load test: the unit is a run, not a request, since requests of one run share its luck (judge.md, Load tests)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

CONFIDENCE = 0.05


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with its one-sided 95 % upper bound: seconds, or a ratio."""

    value: float
    upper: float


def level_of(seconds: Sequence[float]) -> Bounded | None:
    """The geometric mean of one figure of each run, by Student's t on logarithms; None with fewer than two runs."""
    if len(seconds) < 2:
        return None
    logs = np.log(np.asarray(seconds, dtype=float))
    reach = float(student.ppf(1 - CONFIDENCE, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs)))
    return Bounded(float(np.exp(logs.mean())), float(np.exp(logs.mean() + reach)))


def ratio_of(after: Sequence[float], before: Sequence[float]) -> Bounded | None:
    """How much larger the figure is after than before, by Welch's t on logarithms; None with fewer than two runs on a side."""
    if min(len(after), len(before)) < 2:
        return None
    logs = [np.log(np.asarray(side, dtype=float)) for side in (after, before)]
    squares = [float(side.var(ddof=1)) / len(side) for side in logs]
    estimate = float(logs[0].mean() - logs[1].mean())
    if sum(squares) == 0:
        return Bounded(float(np.exp(estimate)), float(np.exp(estimate)))
    freedom = sum(squares) ** 2 / sum(square**2 / (len(side) - 1) for square, side in zip(squares, logs, strict=True))
    reach = float(student.ppf(1 - CONFIDENCE, freedom)) * float(np.sqrt(sum(squares)))
    return Bounded(float(np.exp(estimate)), float(np.exp(estimate + reach)))
