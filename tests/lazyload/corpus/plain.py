"""`import x`, used in a function only."""

import heavy


def use():
    return heavy.VALUE


print(use())

# waits: heavy
# prints: 7
