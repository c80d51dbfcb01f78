"""A clock that jumps when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable


class JumpingClock:
    """Starts at a round number; sleeping moves it and lets the world react."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.time = start
        self.on_sleep: Callable[[float], None] = lambda _now: None

    def now(self) -> float:
        """Unix seconds."""
        return self.time

    def monotonic(self) -> float:
        """The same number: nobody sets this clock."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Returns at once, that much later."""
        self.time += max(seconds, 0.0)
        self.on_sleep(self.time)
