"""Patterns read names."""

import heavy
from heavy import Thing


def use(what):
    match what:
        case Thing(size=2):
            return "two"
        case heavy.Thing(size):
            return size
        case heavy.VALUE:
            return "seven"
        case [first, *heavys]:
            return first
    return "none"


print(use(heavy_thing := None), use(7), use([9, 8]))
from heavy import Thing as T

print(use(T(2)), use(T(5)))

# waits: heavy Thing
# prints: none seven 9
# prints: two 5
