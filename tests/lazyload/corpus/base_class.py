"""A base class is used during the import."""

import heavy


class Mine(heavy.Thing):
    pass


print(Mine(3).size)

# waits:
# prints: 3
