"""A name of two underscores is mangled in classes."""

import heavy as __hidden


def use():
    return __hidden.VALUE


print(use())

# waits:
# prints: 7
