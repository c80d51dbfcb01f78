"""With the future import an annotation is evaluated by whoever asks for it."""

from __future__ import annotations

from typing import get_type_hints

import heavy
from heavy import Trouble


def use(x: heavy.Thing, *rest: Trouble) -> list[heavy.Thing]:
    return [x]


print({name: str(hint).replace("heavy.", "") for name, hint in get_type_hints(use).items()})

# waits: heavy Trouble
# prints: {'x': "<class 'Thing'>", 'rest': "<class 'Trouble'>", 'return': 'list[Thing]'}
