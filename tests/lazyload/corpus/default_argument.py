"""A default is evaluated during the import."""

import heavy


def use(x=heavy.VALUE):
    return x


print(use())

# waits:
# prints: 7
