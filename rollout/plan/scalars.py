"""How durations, hours and citations are written in a plan."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

_SECONDS_IN = {"s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s?(s|min|h)$")
_HOUR = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


def _seconds(written: object) -> object:
    """A number stays seconds; text such as 90s, 15min, 2h is read."""
    if not isinstance(written, str):
        return written
    match = _DURATION.match(written)
    if match is None:
        raise ValueError(f"{written!r} is not a duration such as 90s, 15min or 2h")
    return float(match[1]) * _SECONDS_IN[match[2]]


def _hour(written: object) -> object:
    """Text HH:MM is read; YAML 1.2 leaves it as text."""
    match = _HOUR.match(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError(f"{written!r} is not an hour such as 09:00")
    return time(int(match[1]), int(match[2]))


Duration = Annotated[
    float,
    BeforeValidator(_seconds),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern, "description": "A duration such as 90s, 15min or 2h."}),
]
"""Seconds."""

Hour = Annotated[
    time,
    BeforeValidator(_hour),
    WithJsonSchema({"type": "string", "pattern": _HOUR.pattern, "description": "HH:MM in the plan's time zone."}),
]

Source = Annotated[str, StringConstraints(pattern=r"^(ours|[\w./-]+:\d+)$")]
"""The document and line that a statement comes from, such as plan.md:85; "ours" where the plan itself is the document."""
