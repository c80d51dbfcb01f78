"""Light: passes a checksum on."""

from __future__ import annotations

from zlib import crc32


def answer(x: int) -> int:
    """The checksum of x."""
    return crc32(str(x).encode())
