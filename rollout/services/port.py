"""What the house needs of a service manager."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from typing import Protocol

from rollout.change import BeforeEach
from rollout.clock import Deadline


class ServiceState(Enum):
    """Process states of supervisord (supervisord.org/subprocess.html)."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Service:
    """One supervised program as its manager sees it. pid 0: no process; group: differs from name when it is part of a group."""

    name: str
    group: str
    state: ServiceState
    pid: int
    reason: str

    @property
    def runs(self) -> bool:
        """Whether its manager says that it runs, past its start."""
        return self.state is ServiceState.RUNNING and self.pid > 0


@dataclass(frozen=True, slots=True)
class Pending:
    """What differs between the configuration on disk and what the manager runs, by program name."""

    added: frozenset[str]
    changed: frozenset[str]
    removed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Program:
    """A program as its manager is told to run it. environment: besides the manager's own; log: file of its output; patience: seconds to stop in."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: PurePath
    log: PurePath
    patience: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A program between two of its processes. ended, spawned: Unix seconds; asked: whether somebody had the first one stopped."""

    ended: float
    spawned: float
    asked: bool


class ServiceManager(Protocol):
    """One machine's service manager. Every method raises Unreachable when it does not answer."""

    def services(self, only: Collection[str] | None = None) -> Mapping[str, Service]:
        """Supervised programs by name: all, or of these names those that it knows, which costs it less."""

    def pending(self) -> Pending:
        """Re-reads the configuration without acting on it: an exact drift detector."""

    def settings(self, names: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
        """The configured environment of each program. Raises ActFault naming programs that cannot be managed, with the reason."""

    def uneditable(self, names: Iterable[str]) -> Mapping[str, str]:
        """The reasons of those whose configuration could not be edited now, by name; nothing of it is changed."""

    def stopped_on_request(self, names: Iterable[str]) -> frozenset[str]:
        """Those whose last end somebody asked the manager for; one that crashed, or whose end is not known any more, is not among them."""

    def outages(self, names: Iterable[str]) -> Mapping[str, tuple[Outage, ...]]:
        """When each was away, as far as the manager's log reaches back; nothing where that is not known."""

    def configured(self, name: str) -> Mapping[str, str]:
        """The environment configured for that program, on disk."""

    def fingerprint(self, name: str) -> str:
        """Hash of everything configured for that program."""

    def configure(self, name: str, settings: Mapping[str, str | None]) -> None:
        """Set these environment keys in the configuration on disk (None removes one); everything else stays to the letter."""

    def restart(self, names: Iterable[str], deadline: Deadline, before_each: BeforeEach) -> Mapping[str, str]:
        """Restart them side by side under their configuration on disk; returns the reasons of those that were refused, by name."""

    def definition(self, name: str) -> str | None:
        """What defines that program, in the manager's own words, secrets included; None where it is not defined."""

    def worded(self, program: Program) -> str:
        """A program in the manager's own words."""

    def define(self, name: str, words: str | None) -> None:
        """Define a program on disk, or (None) undefine it; what runs stays until it is restarted or retired."""

    def retire(self, name: str, deadline: Deadline) -> None:
        """Stop a program that is not defined any more and forget it; forgotten already is fine."""

    def kill(self, name: str, deadline: Deadline) -> None:
        """End a program at once, without a farewell, and keep it down; down already is fine."""

    def start(self, name: str, deadline: Deadline) -> None:
        """Start a program that was kept down; running already is fine."""
