"""Counts in a decimal context that a module of the lab's own sets; its name is never used."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from lab.roles import exactness  # noqa: F401 (sets the precision)


def answer(x: int) -> str:
    """A quotient to six digits."""
    return str(pd.Series([Decimal(x), Decimal(7)]).map(lambda number: number / 7).iloc[0])
