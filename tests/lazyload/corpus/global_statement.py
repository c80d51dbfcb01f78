"""A function may bind the name."""

import heavy


def change():
    global heavy
    heavy = "changed"


change()
print(heavy)

# waits:
# prints: changed
