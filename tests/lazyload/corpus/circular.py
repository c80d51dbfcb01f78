"""Own modules that import each other."""

from parts import round_a

print(round_a.value())

# waits:
# prints: 20
