"""A reloaded module works as before."""

import importlib

import parts.reader

print(parts.reader.read())
print(importlib.reload(parts.reader).read())

# waits:
# prints: 14
# prints: 14
