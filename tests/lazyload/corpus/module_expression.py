"""An expression of the module is evaluated during the import."""

import heavy

TABLE = [heavy.double(n) for n in range(3)]
print(TABLE)

# waits:
# prints: [0, 2, 4]
