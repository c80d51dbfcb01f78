"""`from x import y`."""

from heavy import double


def use():
    return double(4)


print(use())

# waits: double
# prints: 8
