"""eval sees the names of the module."""

import heavy


def use(text):
    return heavy.double(eval(text))


print(use("heavy.VALUE"))

# waits:
# prints: 14
