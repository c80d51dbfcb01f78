"""A class body that binds the name and reads it."""

import heavy


def make():
    class Holder:
        value = heavy.VALUE
        heavy = heavy

    return Holder.value, Holder.heavy.VALUE


print(make())

# waits:
# prints: (7, 7)
