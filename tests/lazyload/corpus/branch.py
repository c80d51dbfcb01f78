"""What stands in a branch runs there."""

import sys

if sys.version_info >= (3, 0):
    import heavy as chosen
else:
    import absent as chosen


def use():
    return chosen.VALUE


print(use())

# waits:
# prints: 7
