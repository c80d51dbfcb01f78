"""Annotations of classes are read by dataclasses, as text or not."""

from __future__ import annotations

from dataclasses import dataclass

import heavy


@dataclass
class Holder:
    thing: heavy.Thing
    note: "heavy.Trouble | None" = None


print(Holder(heavy.Thing(2)).thing.size)

# waits:
# prints: 2
