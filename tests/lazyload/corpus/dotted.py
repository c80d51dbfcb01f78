"""`import x.y` binds x, and x.y has to be there."""

import pack.sub


def use():
    return pack.sub.VALUE, pack.NAME


print(use())

# waits: pack
# prints: (3, 'pack')
