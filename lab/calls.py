"""How an agent reaches what it depends on: at addresses that its environment fixes, or by names that it asks the registry agent for."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Protocol
from urllib.parse import quote

from lab.http_client import Address, Client, RequestFailed

TIMEOUT = 2.0
"""Seconds for one call or one lookup."""
REMEMBERED = 30.0
"""Seconds for which a resolved name is not asked for again; a call that fails asks at once."""


class Calls(Protocol):
    """The dependencies of one agent, called in turns."""

    async def call(self) -> int:
        """One call: 200, or 502 where the dependency did not answer so."""


@dataclass
class Lookups:
    """What the agent asked the registry. outcomes: found, unknown, failed; seconds: of all that were answered."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Adds the time within to the seconds."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began


class FixedCalls:
    """To addresses that never change."""

    def __init__(self, addresses: tuple[Address, ...]) -> None:
        self._clients = cycle([Client(address, port, "/work") for address, port in addresses])

    async def call(self) -> int:
        """See Calls."""
        return await _work(next(self._clients))


class ResolvedCalls:
    """To names, which the registry resolves. A name is remembered for a while, and on while the registry does not answer."""

    def __init__(self, names: tuple[str, ...], registry: Address) -> None:
        self.lookups = Lookups()
        self._names = cycle(names)
        self._known: dict[str, tuple[Address, float]] = {}
        self._clients: dict[Address, Client] = {}
        self._questions = {name: Client(*registry, f"/resolve?name={quote(name)}") for name in names}

    async def call(self) -> int:
        """See Calls. A dependency that moved is called where it is now: what fails at a remembered place is looked up anew and tried once more."""
        name = next(self._names)
        place = await self._place(name)
        status = 502 if place is None else await self._at(place)
        if status == 200 or place is None:
            return status
        self._known[name] = (place, 0.0)
        moved = await self._place(name)
        return status if moved in (None, place) else await self._at(moved)

    async def _place(self, name: str) -> Address | None:
        known, asked = self._known.get(name, (None, 0.0))
        if known is not None and time.monotonic() - asked < REMEMBERED:
            return known
        found = await self._look_up(name)
        if found is not None:
            self._known[name] = (found, time.monotonic())
        return found or known

    async def _look_up(self, name: str) -> Address | None:
        try:
            with self.lookups.timed():
                status, body = await self._questions[name].get(TIMEOUT)
        except (RequestFailed, TimeoutError):
            self.lookups.outcomes["failed"] += 1
            return None
        self.lookups.outcomes["found" if status == 200 else "unknown"] += 1
        if status != 200:
            return None
        answer = json.loads(body)
        return str(answer["address"]), int(answer["port"])

    async def _at(self, place: Address) -> int:
        return await _work(self._clients.setdefault(place, Client(*place, "/work")))


async def _work(client: Client) -> int:
    try:
        status, _ = await client.get(TIMEOUT)
    except (RequestFailed, TimeoutError):
        return 502
    return 200 if status == 200 else 502
