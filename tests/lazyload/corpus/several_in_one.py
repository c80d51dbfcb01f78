"""One statement imports what can wait and what cannot."""

import heavy, pack
from heavy import double, VALUE

SIZE = VALUE + heavy.VALUE


def use():
    return double(SIZE), pack.NAME


print(use())

# waits: double pack
# prints: (28, 'pack')
