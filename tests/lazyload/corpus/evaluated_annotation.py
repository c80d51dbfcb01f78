"""Without the future import an annotation is an expression like any other."""

import heavy


def use(x: heavy.Thing = None):
    return use.__annotations__["x"].__name__


print(use())

# waits:
# prints: Thing
