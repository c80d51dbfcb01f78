"""The processes of one lab, known by a marker in their environment, so that none is ever killed by mistake."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

MARKER = "LAB_ID"


def marker(state: Path) -> dict[str, str]:
    """What every process of the lab in this state folder carries in its environment, by inheritance from its supervisord."""
    return {MARKER: str(state)}


def environment_of(pid: int) -> Mapping[str, str]:
    """The environment a process was started with; empty when it is gone or not ours to read."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    return dict(entry.split("=", 1) for entry in raw.decode(errors="replace").split("\0") if "=" in entry)


def of_lab(state: Path) -> Iterator[int]:
    """The pids of all processes of this lab, orphans and strangers' children included."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and environment_of(int(entry.name)).get(MARKER) == str(state):
            yield int(entry.name)


def end(pids: Iterable[int], state: Path, sig: signal.Signals, patience: float) -> None:
    """Signals those of the processes that are of this lab, and waits up to `patience` seconds for them to end."""
    with contextlib.ExitStack() as stack:
        handles = []
        for pid in pids:
            handle = stack.enter_context(_handle_of(pid))
            # Asked again behind the handle, which cannot pass to another process as a pid can.
            if handle is not None and environment_of(pid).get(MARKER) == str(state):
                signal.pidfd_send_signal(handle, sig)
                handles.append(handle)
        _await_end(handles, patience)


def await_end_after(act: Callable[[], object], pid: int, patience: float) -> None:
    """Does what will end the process, and waits up to `patience` seconds for that."""
    with _handle_of(pid) as handle:
        act()
        _await_end([handle] if handle is not None else [], patience)


@contextlib.contextmanager
def _handle_of(pid: int) -> Iterator[int | None]:
    """A pidfd; None when the process is gone already."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _await_end(handles: list[int], patience: float) -> None:
    deadline = time.monotonic() + patience
    waiting = set(handles)
    while waiting and (left := deadline - time.monotonic()) > 0:
        waiting -= set(select.select(waiting, [], [], left)[0])


def sweep(state: Path) -> int:
    """Ends whatever is left of this lab, kindly at first; returns how many processes there were."""
    found = list(of_lab(state))
    if found:
        end(found, state, signal.SIGTERM, patience=3)
    # A second look, since a dying supervisord may still have started something.
    while left := list(of_lab(state)):
        end(left, state, signal.SIGKILL, patience=3)
        found += [pid for pid in left if pid not in found]
    return len(found)
