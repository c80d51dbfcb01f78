"""What the house needs of a machine, whatever the way to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath
from typing import Protocol


class Transport(Protocol):
    """One machine's files and processes. Every method raises Unreachable when the machine does not answer."""

    def files(self, folder: PurePath) -> tuple[PurePath, ...]:
        """The files of a folder, sorted by name; a path that is itself a file gives just that one."""

    def read(self, file: PurePath) -> str:
        """A file's text."""

    def replace(self, file: PurePath, text: str) -> None:
        """Replace a file in one step that survives a crash: written aside, synced, renamed; owner and mode are kept."""

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
