"""A module that makes its names by itself is left alone."""

from parts import dynamic

print(dynamic.made, "heavy" in vars(dynamic))

# waits:
# prints: 7 True
