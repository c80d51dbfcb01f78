"""Is read by a star and has no __all__."""

import heavy
from pack import sub


def use():
    return heavy.VALUE + sub.VALUE
