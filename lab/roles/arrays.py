"""numpy, by `import x as y`."""

from __future__ import annotations

import numpy as np


def answer(x: int) -> float:
    """The sum of a hundred sines."""
    return round(float(np.sin(np.arange(100) + x).sum()), 6)
