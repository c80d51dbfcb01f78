"""Finds and ends the processes of one embedded server, also those that nobody supervises any more.

Every process of a server inherits a mark in its environment. A pid alone proves nothing, it may be another's by now; a mark read from
`/proc/PID/environ` while a pidfd is open does: the signal then goes to that very process or to none.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rollout.clock import Clock, Deadline, wait_until

MARK = "ROLLOUT_SERVER"
"""Environment variable that holds the folder of the server a process belongs to."""
RUN = "PREFECT__FLOW_RUN_ID"
"""Environment variable in which Prefect tells a flow's process which run it is."""


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A living process of one server. run: the flow run it works on, None for the server and its workers; resident: MiB."""

    pid: int
    parent: int
    run: str | None
    command: str
    resident: float


def environment_of(pid: int) -> dict[str, str]:
    """The environment a process was started with; empty when it is gone, a zombie or not ours to read."""
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(entry.decode(errors="replace").split("=", 1) for entry in entries if b"=" in entry)


def resident_of(pid: int) -> float:
    """Resident memory in MiB, 0 when the process is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0.0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def command_of(pid: int) -> str:
    """The command line in one readable line, empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """The parent's pid, 0 when the process is gone."""
    try:
        # The name in brackets may hold spaces and brackets itself, so fields count from its end.
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def processes_of(folder: Path) -> tuple[ServerProcess, ...]:
    """All living processes marked with that server's folder, never the caller itself or its ancestors."""
    spared = set()
    pid = os.getpid()
    while pid > 0:
        spared.add(pid)
        pid = parent_of(pid)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in spared:
            continue
        pid = int(entry.name)
        environment = environment_of(pid)
        if environment.get(MARK) == str(folder):
            found.append(ServerProcess(pid, parent_of(pid), environment.get(RUN), command_of(pid), resident_of(pid)))
    return tuple(found)


def send(process: ServerProcess, number: signal.Signals, folder: Path) -> None:
    """Signal that process if it still is the server's; a pid that was reused meanwhile gets nothing."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(process.pid)
        try:
            if environment_of(process.pid).get(MARK) == str(folder):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def end(processes: Iterable[ServerProcess], folder: Path, clock: Clock, patience: float) -> None:
    """SIGTERM, then SIGKILL to those that are still there after patience seconds; returns when they are gone or did not die of SIGKILL in 5 s."""
    pids = {process.pid for process in processes}

    def alive() -> tuple[ServerProcess, ...]:
        return tuple(process for process in processes_of(folder) if process.pid in pids)

    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for process in alive():
            send(process, number, folder)
        if wait_until(lambda: True if not alive() else None, Deadline.after(clock, seconds), every=0.1):
            return
