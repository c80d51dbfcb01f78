"""Has a name that others read."""

import heavy
from heavy import double as twice


def read():
    return twice(heavy.VALUE)
