"""Who reads globals() expects the names in it."""

import heavy


def use():
    return globals()["heavy"].VALUE


print(use())

# waits:
# prints: 7
