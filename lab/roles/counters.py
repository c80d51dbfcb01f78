"""Light: counts digits."""

from __future__ import annotations

from collections import Counter


def answer(x: int) -> dict[str, int]:
    """How often each digit stands in the powers of x."""
    return dict(sorted(Counter(str(x**9)).items()))
