"""Also when nobody has read the name before."""

import sys

import heavy


def use():
    return heavy.VALUE


class Fake:
    VALUE = "fake"


sys.modules[__name__].heavy = Fake
print(use())

# waits: heavy
# prints: fake
