"""Relative imports are the program's own."""

from parts import relative

print(relative.sizes())

# waits:
# prints: (11, 11, 7)
