"""Imports its siblings, and something heavy."""

import heavy

from . import sibling
from .sibling import SIZE


def sizes():
    return SIZE, sibling.SIZE, heavy.VALUE
