"""A part of a package that is not there is missed at the import."""

import pack

print(pack.NAME)
import pack.absent


def use():
    return pack.absent.VALUE

# waits:
# prints: pack
# exits: 1
