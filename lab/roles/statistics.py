"""scipy.stats, the slowest import of all."""

from __future__ import annotations

from scipy import special, stats


def answer(x: int) -> list[float]:
    """A tail probability and a factorial."""
    return [round(float(stats.norm.sf(x % 9)), 9), float(special.gamma(x % 9 + 1))]
