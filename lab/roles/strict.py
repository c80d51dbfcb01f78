"""Changes a setting of numpy while it is imported."""

from __future__ import annotations

import numpy as np

np.seterr(divide="raise", invalid="raise")


def answer(x: int) -> str:
    """A quotient, or that there is none."""
    try:
        return str(np.float64(x) / np.float64(x % 3))
    except FloatingPointError:
        return "none"
