"""Starts and stops the embedded Prefect server with its workers, and says how it is.

One supervisord owns them; a second `up` finds them, `down` leaves neither process nor port, and both work after any of them was killed.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.address import OWN_SERVER, ServerAddress, folder_of, forget_address, read_address
from deployments.launch import LOOK, healthy, launch, login, protected
from deployments.ports import free, holder
from deployments.processes import ServerProcess, end, processes_of, resident_of, send
from deployments.programs import DEMANDED, HOST, LOGIN, programs
from deployments.supervisor import ProgramState, Supervised, Supervisor
from rollout.clock import Clock, Deadline, SystemClock, wait_until
from rollout.errors import ActFault, Refused
from rollout.private_folder import private_folder

STOPPED = 70.0
"""Seconds for supervisord to stop its programs in order, each killed after its own patience."""
LEAVING = 20.0
"""Seconds for the process of a run that has ended to leave; it still sends its last lines (1-3 s, more on a busy machine)."""
UNDONE = 150.0
"""Seconds that a forced stop gives runs to take their changes back: the plan's two minutes of rollback and a margin."""
SOCKET_PATH = 90
"""Bytes of a unix socket's path; the kernel takes 107, and supervisord appends its pid while it starts."""


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One program of the server. pid: 0 and resident (MiB): 0 when it does not run."""

    name: str
    state: ProgramState
    pid: int
    resident: float


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How an embedded server is. address: None when none is meant to run; runs: ids of the flow runs whose processes live."""

    address: ServerAddress | None
    healthy: bool
    programs: tuple[ProgramStatus, ...]
    runs: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the API answers and every program runs."""
        return self.healthy and all(program.state is ProgramState.RUNNING for program in self.programs)


def status(state: Path) -> ServerStatus:
    """How the embedded server of that state folder is; never raises because something is down."""
    folder = folder_of(state)
    address = read_address(folder)
    supervised = Supervisor(folder / "supervisor.sock").programs()
    names = [program.name for program in programs(address.port if address else 0)]
    found = [supervised.get(name, Supervised(name, ProgramState.STOPPED, 0)) for name in names]
    return ServerStatus(
        address=address,
        healthy=address is not None and healthy(address),
        programs=tuple(ProgramStatus(each.name, each.state, each.pid, resident_of(each.pid) if each.pid else 0.0) for each in found),
        runs=runs_of(processes_of(folder)),
    )


def up(state: Path, port: int = 4200, clock: Clock | None = None) -> ServerAddress:
    """Start the server and its workers and return when all of them answer; a server that already is up is left as it is.

    Raises Refused when PREFECT_API_URL names an own server, another server of this state folder works, runs survive a broken one, the port is
    taken, the login is not the one that the server asks for, or the start fails; the latter shows the end of the log. After a refusal nothing
    new runs.
    """
    clock = clock or SystemClock()
    if own := os.environ.get(OWN_SERVER):
        raise Refused(f"{OWN_SERVER} names your own server {own} and days run there; unset it to start an embedded one")
    if os.environ.get(DEMANDED) and os.environ[DEMANDED] != os.environ.get(LOGIN):
        raise Refused(f"{DEMANDED} is set and {LOGIN} is not the same: commands, workers and runs say the latter, and the server asks for it")
    folder = folder_of(state)
    if len(os.fsencode(folder / "supervisor.sock")) > SOCKET_PATH:
        raise Refused(f"{folder}: the path is too long for a unix socket; use a shorter state folder")
    with alone(folder):
        present = status(state)
        if present.whole and present.address is not None:
            if present.address.port != port:
                raise Refused(f"the server of {state} already runs on port {present.address.port}; `rollout server down` stops it")
            if protected(present.address) != (login() is not None):
                raise Refused(
                    f"the server of {state} runs {'with' if login() is None else 'without'} a login ({LOGIN}); `rollout server down` stops it"
                )
            return present.address
        if present.runs:
            raise Refused(f"runs of a server that broke are still at work: {', '.join(present.runs)}; `rollout server down --force` ends them")
        stop(folder, clock)
        if not free(HOST, port):
            raise Refused(f"port {port} is taken by {holder(port)}")
        address = ServerAddress(port)
        try:
            launch(folder, address, clock)
        except BaseException:
            stop(folder, clock)
            forget_address(folder)
            raise
        return address


def down(state: Path, *, force: bool = False, clock: Clock | None = None) -> None:
    """Stop everything that belongs to the embedded server; nothing to stop is fine.

    force: runs at work get SIGTERM and UNDONE seconds to take their changes back before they are killed; without it they are a reason to refuse,
    since a worker that is stopped kills its runs at once (docs/decisions/0030).
    Raises Refused (runs are at work) and ActFault (a process or the port would not go away).
    """
    clock = clock or SystemClock()
    folder = folder_of(state)
    if not folder.exists():
        return
    with alone(folder):
        if force:
            interrupt(processes_of(folder), folder, clock)
        elif not gone(folder, Deadline.after(clock, LEAVING)):
            at_work = ", ".join(runs_of(processes_of(folder)))
            raise Refused(f"runs are at work: {at_work}; cancel them, or stop with --force, which rolls them back if they can")
        stop(folder, clock)
        if remaining := processes_of(folder):
            raise ActFault("these processes of the server did not die", [f"pid {each.pid} {each.command}" for each in remaining])
        address = read_address(folder)
        if address is not None and not free(HOST, address.port):
            raise ActFault(f"port {address.port} is still taken", [holder(address.port)])
        forget_address(folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second `up` or `down` of the same folder out; the lock goes with the process that holds it."""
    private_folder(folder)
    folder.chmod(0o700)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"another command is starting or stopping the server of {folder.parent} right now") from error
        yield


def runs_of(processes: Iterable[ServerProcess]) -> tuple[str, ...]:
    """The flow runs these processes work on."""
    return tuple(sorted({process.run for process in processes if process.run is not None}))


def interrupt(processes: Iterable[ServerProcess], folder: Path, clock: Clock) -> None:
    """Ask every run to end, its first process only: that one decides about its own children; wait for all of them."""
    runs = {process.pid: process for process in processes if process.run is not None}
    for process in runs.values():
        if process.parent not in runs:
            send(process, signal.SIGTERM, folder)
    gone(folder, Deadline.after(clock, UNDONE))


def gone(folder: Path, deadline: Deadline) -> bool:
    """Whether no process of a run is left by then."""
    return bool(wait_until(lambda: None if runs_of(processes_of(folder)) else True, deadline, LOOK))


def stop(folder: Path, clock: Clock) -> None:
    """Stop the programs in order through their supervisor, then end whatever carries the mark and is still there."""
    supervisor = Supervisor(folder / "supervisor.sock")
    if supervisor.answers:
        supervisor.shut_down()
        wait_until(lambda: None if supervisor.answers else True, Deadline.after(clock, STOPPED), LOOK)
    end(processes_of(folder), folder, clock, patience=5.0)
    (folder / "supervisor.sock").unlink(missing_ok=True)
