"""Names in __all__ are there for others."""

from parts import exporter
from parts.exporter import *

print(double(3), part.VALUE, exporter.double(1))

# waits:
# prints: 6 3 2
