"""A star brings names that nobody can see."""

from heavy import *


def use():
    return double(VALUE)


print(use())

# waits:
# prints: 14
