"""scipy.sparse and numpy, by `import x.y as z` and `from x import y`."""

from __future__ import annotations

import scipy.sparse as sparse  # noqa: PLR0402 (this style of import has to be among them)
from numpy import ones


def answer(x: int) -> float:
    """The trace of a matrix."""
    return float(sparse.csr_matrix(ones((6, 6)) * x).diagonal().sum())
