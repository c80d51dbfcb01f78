"""Others read the names of an own module: by attribute, by getattr, by from, by dir."""

import parts.reader

print(parts.reader.heavy.VALUE, getattr(parts.reader, "twice")(2), hasattr(parts.reader, "nothing"))
print([name for name in dir(parts.reader) if not name.startswith("__")])
from parts.reader import twice

print(twice(5), parts.reader.read())

# waits:
# prints: 7 4 False
# prints: ['heavy', 'read', 'twice']
# prints: 10 14
