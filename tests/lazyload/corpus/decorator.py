"""A decorator is used during the import."""

from heavy import wrap


@wrap
def use():
    return 1


print(use())

# waits:
# prints: ('wrapped', 1)
