"""Two imports bind one name: both run before it is used."""

import pack.other
import pack.sub


def use():
    return pack.sub.VALUE + pack.other.VALUE


print(use())

# waits: pack pack
# prints: 7
