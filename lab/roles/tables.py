"""pandas and numpy, by `from x import y`."""

from __future__ import annotations

from numpy import arange
from pandas import DataFrame


def answer(x: int) -> list[int]:
    """The column sums of a small table."""
    numbers = arange(20) + x
    return [int(total) for total in DataFrame({"a": numbers, "b": numbers * 2}).sum()]
