"""Heavy, and it cannot wait: a table is computed while it is imported."""

from __future__ import annotations

import numpy as np

TABLE = np.cumsum(np.arange(1000))


def answer(x: int) -> int:
    """The sum of the first x numbers."""
    return int(TABLE[x % len(TABLE)])
