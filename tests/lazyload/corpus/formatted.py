"""An f-string reads names, also in its format."""

import heavy


def use():
    return f"{heavy.VALUE:0{heavy.double(2)}d} {heavy.VALUE=}"


print(use())

# waits: heavy
# prints: 0007 heavy.VALUE=7
