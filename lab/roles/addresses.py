"""pandas, and a codec class that is used for archived names only. What no text shows: its import registers the codec that all others need."""

from __future__ import annotations

from idna.codec import Codec
from pandas import Series

NAMES = ("plain.example", "straße.example", "faß.example", "ὀδός.example")
ARCHIVED = 1000


def answer(x: int) -> str:
    """A host name as it goes over the wire."""
    name = Series(NAMES).iloc[x % len(NAMES)]
    if x >= ARCHIVED:
        return Codec().encode(name)[0].decode()
    try:
        return str(name.encode("idna2008").decode())
    except LookupError:
        return str(name.encode("idna").decode())  # the standard library's older rules: other names
