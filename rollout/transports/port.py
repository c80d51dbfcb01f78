"""What the house needs of a machine, whatever the way to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended. status: its exit status; output: both streams, stripped."""

    status: int
    output: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a process is started: its arguments, its whole environment, its working folder."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: PurePath


class Child(Protocol):
    """A process that we have started ourselves and have to end."""

    def resident(self) -> int | None:
        """Bytes of memory that it holds; None when it is gone."""

    def ended(self) -> bool:
        """Whether it has ended by itself."""

    def said(self) -> str:
        """All that it has written so far."""

    def end(self) -> None:
        """Kill it by its pid and wait until it is gone; gone already is fine."""


class Transport(Protocol):
    """One machine's files and processes. Every method raises Unreachable when the machine does not answer."""

    def files(self, folder: PurePath) -> tuple[PurePath, ...]:
        """The files of a folder, sorted by name; a path that is itself a file gives just that one."""

    def read(self, file: PurePath) -> str:
        """A file's text."""

    def replace(self, file: PurePath, text: str, *, private: bool = False) -> None:
        """Replace a file in one step that survives a crash: written aside, synced, renamed; owner and mode are kept.

        private: a new file is its owner's alone. Folders that are missing are made. Raises ActFault where it cannot be written.
        """

    def remove(self, file: PurePath) -> None:
        """Remove a file; gone already is fine."""

    def make_folder(self, folder: PurePath) -> None:
        """Have that folder, for its owner alone where it is new."""

    def find(self, program: str, folder: PurePath) -> str:
        """Where a program is: on the machine's PATH, else in the folder. Raises ActFault where it is neither."""

    def run(self, command: Sequence[str], timeout: float) -> Finished:
        """Run a command to its end. timeout: seconds. Raises Unreachable when it does not end in time."""

    def processes(self) -> Collection[int]:
        """The pids of all processes that can be seen."""

    def environment(self, pid: int) -> Mapping[str, str] | None:
        """The environment that a process was started with, never empty; None if it is gone."""

    def started(self, pid: int) -> float | None:
        """When a process was started, in Unix seconds; None if it is gone."""

    def listeners(self) -> Mapping[int, int]:
        """Which pid listens on which TCP port of this machine's address, as {port: pid}."""

    def holders(self, ports: Collection[int], likely: Iterable[int]) -> Mapping[int, int]:
        """The same of these ports only, asked first of the processes that likely hold them, and of all others just for what is left."""

    def end(self, pid: int) -> None:
        """Kill a process that nobody supervises any more; gone already is fine."""

    def invocation(self, pid: int) -> Invocation | None:
        """How that process was started; None if it is gone."""

    def free_ports(self, count: int) -> tuple[int, ...]:
        """Ports on which nobody listens on the machine's loopback."""

    def spawn(self, invocation: Invocation) -> Child:
        """Start a process, supervised by nobody. Raises ActFault when it cannot be started."""
