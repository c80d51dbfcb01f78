"""What others put in the place of a name is what the functions see, and it can be put back."""

import sys

import heavy


def use():
    return heavy.VALUE


class Fake:
    VALUE = "fake"


here = sys.modules[__name__]
before = here.heavy
here.heavy = Fake
print(use())
here.heavy = before
print(use())

# waits: heavy
# prints: fake
# prints: 7
