"""A star takes from an own module also what waits there."""

from parts.starred import *

print(heavy.VALUE, sub.VALUE, use())

# waits:
# prints: 7 3 10
