"""Time as a port: one clock for waiting, one way to bound a wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")


class Clock(Protocol):
    """What the house needs of time; tests bring one that jumps."""

    def now(self) -> float:
        """Unix seconds, comparable with timestamps of other processes."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, for durations and deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait; negative and zero return at once."""


class SystemClock:
    """The machine's own clock; the only place of the house that sleeps."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        if seconds > 0:
            time.sleep(seconds)


class PausableClock:
    """Another clock, whose durations stand still while a person has paused the work: no deadline runs out meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stood = 0.0
        self._standing_since: float | None = None

    def now(self) -> float:
        """Unix seconds, which nobody can stop."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds of work."""
        now = self._clock.monotonic() if self._standing_since is None else self._standing_since
        return now - self._stood

    def sleep(self, seconds: float) -> None:
        """Wait, whether paused or not."""
        self._clock.sleep(seconds)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Durations stand still inside; by one thread at a time."""
        self._standing_since = self._clock.monotonic()
        try:
            yield
        finally:
            self._stood += self._clock.monotonic() - self._standing_since
            self._standing_since = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which something must have happened; handed down to every adapter that can block."""

    clock: Clock
    ends: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """A deadline that many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.ends - self.clock.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining == 0.0

    def within(self, seconds: float) -> float:
        """The shorter of what is left and a single call's own limit, at least a millisecond (0 means "no limit" to sockets)."""
        return max(0.001, min(seconds, self.remaining))


def wait_until(ready: Callable[[], Answer | None], deadline: Deadline, every: float) -> Answer | None:
    """Ask again and again until there is an answer or the deadline has passed; asks at least once.

    every: seconds between two attempts.
    """
    while (answer := ready()) is None and not deadline.passed:
        deadline.clock.sleep(min(every, deadline.remaining))
    return answer
