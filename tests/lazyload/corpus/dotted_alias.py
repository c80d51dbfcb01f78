"""`import x.y as z`, also three levels deep."""

import pack.deep.leaf as leaf
import pack.sub as s


def use():
    return s.VALUE, leaf.VALUE


print(use())

# waits: s leaf
# prints: (3, 5)
