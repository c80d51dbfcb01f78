"""What a change is: a prior state to keep, an act, a way back, and a reading of the effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rollout.clock import Deadline
from rollout.fleet import Agent

BeforeEach = Callable[[], None]
"""Called before every single act; raises when this process may not act any more."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Prior state of one agent, taken before the act.

    settings: only the keys that the change touches, None where a key was absent (secrets of other keys stay where they are);
    fingerprint: hash of everything that is configured for the agent, to prove the way back (empty where nothing can be proven by it);
    pid, started: the process as it ran.
    """

    agent: str
    settings: Mapping[str, str | None]
    fingerprint: str
    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the witnesses say of one agent after an act.

    disagreements: one sentence for each witness that does not see the wanted state; none means verified.
    row: the same observations as one row of a frame for the expectations, keyed by column.
    lasting: whether a disagreement stays however often the act is repeated, so that only a person can end it.
    """

    agent: str
    disagreements: tuple[str, ...]
    row: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    lasting: bool = False

    @property
    def verified(self) -> bool:
        """Whether every witness sees the wanted state."""
        return not self.disagreements

    @property
    def final(self) -> bool:
        """Whether looking again would show nothing else."""
        return self.verified or self.lasting

    @property
    def reason(self) -> str:
        """All disagreements in one line."""
        return "; ".join(self.disagreements)


class Change(Protocol):
    """One kind of change; the batch loop, the guard and settle know no more than this."""

    @property
    def name(self) -> str:
        """The change's name in ledger and report."""

    def snapshot(self, agents: Sequence[Agent]) -> list[Snapshot]:
        """The agents' present state. Raises Unreachable."""

    def describe(self, snapshot: Snapshot) -> str:
        """What applying would change on an agent in that state, in words."""

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """Change all of them. Raises ActFault with the names that were refused, after trying every one."""

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """Bring each back to its snapshot. Raises ActFault with the names that were refused, after trying every one."""

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """Witnesses for "in effect"; since: Unix seconds before which no process may have been started."""

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """Witnesses for "as it was before"; an agent that was never touched counts as restored."""
