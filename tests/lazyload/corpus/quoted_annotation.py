"""A quoted annotation is evaluated by whoever asks for it, in a dict that must have the name."""

from typing import get_type_hints

import heavy


def use(x: "heavy.Thing"):
    return x


print(get_type_hints(use)["x"].__name__)

# waits:
# prints: Thing
