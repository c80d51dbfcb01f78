"""Does a series grow? A straight line through means of blocks, since samples resemble their predecessors and would prove too much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from rollout.judge.robust import Floats

CONFIDENCE = 0.05
BLOCKS = 10
"""Means that the line goes through: enough degrees of freedom for a bound, few enough to be nearly independent."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Growth from the first to the last moment, in the unit of the values: estimate and one-sided 95 % bounds below and above; samples seen."""

    growth: float
    lower: float
    upper: float
    samples: int


def trend(moments: Floats, values: Floats) -> Trend | None:
    """The growth of one series over its whole span; None with fewer than two samples a block. moments: seconds, any order."""
    if len(moments) < 2 * BLOCKS or np.ptp(moments) == 0:
        return None
    order = np.argsort(moments)
    x = np.array([block.mean() for block in np.array_split(moments[order], BLOCKS)])
    y = np.array([block.mean() for block in np.array_split(values[order], BLOCKS)])
    centred = x - x.mean()
    spread = float((centred**2).sum())
    slope = float((centred * y).sum()) / spread
    residuals = y - y.mean() - slope * centred
    error = float(np.sqrt((residuals**2).sum() / (BLOCKS - 2) / spread))
    span = float(np.ptp(moments))
    reach = float(student.ppf(1 - CONFIDENCE, BLOCKS - 2)) * error
    return Trend(slope * span, (slope - reach) * span, (slope + reach) * span, len(moments))
