"""A module that is not there is missed at the import, not later."""

print("before")
import absent

print("after")


def use():
    return absent

# waits:
# prints: before
# exits: 1
