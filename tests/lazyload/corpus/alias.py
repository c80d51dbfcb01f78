"""`import x as y`."""

import heavy as h


def use():
    return h.double(h.VALUE)


print(use())

# waits: h
# prints: 14
