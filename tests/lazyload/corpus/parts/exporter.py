"""Exports what it does not use."""

from heavy import double
from pack import sub as part

__all__ = ["double", "part"]
