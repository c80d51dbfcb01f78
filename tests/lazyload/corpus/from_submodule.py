"""`from x import y` where y is a module."""

from pack import sub


def use():
    return sub.VALUE


print(use())

# waits: sub
# prints: 3
