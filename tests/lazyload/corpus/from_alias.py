"""`from x import y as z`."""

from heavy import double as twice


def use():
    return twice(4)


print(use())

# waits: twice
# prints: 8
