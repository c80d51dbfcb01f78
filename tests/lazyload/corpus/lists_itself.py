"""dir() of the module lists its names."""

import heavy


def use():
    return heavy.VALUE


print("heavy" in dir(), use())

# waits:
# prints: True 7
