"""An alert manager in memory."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.errors import SourceFault
from rollout.services.alertmanager import FiringAlert, Matcher


class MemoryAlerts:
    """Rings what it is told to. silences: by id, the conditions and the two moments; said: everything that was asked of it, in order."""

    def __init__(self) -> None:
        self.ringing: list[FiringAlert] = []
        self.silences: dict[str, tuple[tuple[Matcher, ...], float, float]] = {}
        self.said: list[str] = []
        self.down = False
        self.refusing_ends = False

    def firing(self) -> tuple[FiringAlert, ...]:
        """As told."""
        self._answer("firing")
        return tuple(self.ringing)

    def silence(self, matchers: Sequence[Matcher], begins: float, ends: float, name: str, reason: str) -> str:
        """Kept."""
        self._answer(f"silence by {name}: {reason}")
        identity = f"silence-{len(self.said)}"
        self.silences[identity] = (tuple(matchers), begins, ends)
        return identity

    def end_silence(self, identity: str) -> None:
        """Forgotten."""
        self._answer(f"end {identity}")
        if self.refusing_ends:
            raise SourceFault("it went away")
        del self.silences[identity]

    def _answer(self, what: str) -> None:
        if self.down:
            raise SourceFault("nobody answers")
        self.said.append(what)
