"""Ports for servers of tests."""

from __future__ import annotations

import random
from pathlib import Path

from deployments.ports import free

LOWEST = 20_000
"""Above what services are usually given."""


def unused_port() -> int:
    """A port that nobody holds now, below those that the kernel gives to clients.

    While a server restarts, a client that calls one of the kernel's own ports may be given that very port for its own end: it then talks to itself
    and the server finds its port taken.
    """
    highest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    candidates = random.SystemRandom().sample(range(LOWEST, highest), 20)
    return next(port for port in candidates if free("127.0.0.1", port))
