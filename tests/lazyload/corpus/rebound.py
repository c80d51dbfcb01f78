"""A name that is bound again is not only the import's."""

import heavy

heavy = heavy.VALUE


def use():
    return heavy


print(use())

# waits:
# prints: 7
