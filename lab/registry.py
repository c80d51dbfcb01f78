"""What the registry agent knows: where every agent of the fleet serves its work, from a file that the lab writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

from lab.http_client import Address

NAME = "ServiceRegistry"
"""The agent that resolves names for the others (plan.md line 272, inter-agent communication)."""


def places_file(places: Mapping[str, Address]) -> str:
    """Names to addresses as the file has them."""
    return json.dumps({name: {"address": address, "port": port} for name, (address, port) in places.items()}, indent=1) + "\n"


class Registry:
    """The file, read again when it has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._version = 0
        self._places: dict[str, dict[str, str | int]] = {}

    def resolve(self, path: str) -> tuple[int, bytes]:
        """The answer to /resolve?name=MACHINE/AGENT: address and port, or 404."""
        version = self._file.stat().st_mtime_ns
        if version != self._version:
            self._places = json.loads(self._file.read_text(encoding="utf-8"))
            self._version = version
        place = self._places.get(parse_qs(path.partition("?")[2]).get("name", [""])[0])
        return (404, b"{}") if place is None else (200, json.dumps(place).encode())
