"""What is for type checkers is never imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import broken


def use(x: broken.Thing) -> str:
    return "fine"


print(use(1))

# waits:
# prints: fine
