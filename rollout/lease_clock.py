"""A clock whose waits renew the lease of what this process owns, so that no wait is so long that its process looks dead."""

from __future__ import annotations

from rollout.clock import Clock
from rollout.ownership import LEASE, Ownership

RENEW = LEASE / 30
"""Seconds between two renewals; three missed ones are far from a lease."""


class LeaseClock:
    """Another clock, whose sleep asks for the ownership; while nothing is owned it is the other clock alone."""

    def __init__(self, clock: Clock, ownership: Ownership) -> None:
        self._clock = clock
        self._ownership = ownership
        self._renewed = float("-inf")

    def now(self) -> float:
        """Unix seconds."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, in pieces no longer than RENEW. Raises OwnershipLost when another process has claimed the fleet meanwhile."""
        ends = self._clock.monotonic() + seconds
        while (left := ends - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, RENEW))
            if self._ownership.held and self._clock.monotonic() - self._renewed >= RENEW:
                self._ownership.check()
                self._renewed = self._clock.monotonic()
