"""The docstring and the future import stay first."""

from __future__ import annotations

import heavy


def use() -> heavy.Thing:
    return heavy.double(1)


print(__doc__, use(), annotations.compiler_flag > 0)

# waits: heavy
# prints: The docstring and the future import stay first. 2 True
