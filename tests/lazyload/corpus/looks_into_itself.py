"""The dict of a module, reached through sys.modules."""

import sys

import heavy


def use():
    return heavy.VALUE, "heavy" in sys.modules[__name__].__dict__


print(use())

# waits:
# prints: (7, True)
