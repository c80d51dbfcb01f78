"""A name that is deleted was there."""

import heavy


def use():
    return "heavy" in globals()


del heavy
print(use())

# waits:
# prints: False
