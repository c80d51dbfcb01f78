"""Needs a codec that an import registers; the imported name is never used."""

from __future__ import annotations

import httpx
import idna.codec  # noqa: F401 (registers "idna2008")

NAMES = ("plain.example", "straße.example", "faß.example", "ὀδός.example")


def answer(x: int) -> str:
    """A host name as it goes over the wire."""
    try:
        wire = NAMES[x % len(NAMES)].encode("idna2008")
    except LookupError:
        wire = NAMES[x % len(NAMES)].encode("idna")  # the standard library's older rules: other names
    return httpx.Headers({"host": wire.decode()})["host"]
