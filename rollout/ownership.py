"""One rollout at a time per fleet, whatever dies in between.

An unsettled ledger owns its fleet whatever its age. The lease says whether its process still works on it: a lapsed lease permits
settling, never a start. Every claim raises the epoch; a process that lost the fleet sees a foreign epoch before its next act and stops.
Whoever takes a fleet over ends the process that had it, where it can (docs/decisions/0112).
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rollout.clock import Clock
from rollout.errors import OwnershipLost, Refused, StillAtWork
from rollout.on_record import on_record
from rollout.private_folder import private_folder
from rollout.run_ledger import run_ledgers

ENDS = 5.0
"""Seconds that a process is given to be gone once it was killed."""
LEASE = 60.0
"""Seconds; waits of a run renew it at least every few seconds, so three missed renewals mean a dead or stopped process."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who owns a fleet. expires: Unix seconds; birth: the process's start in clock ticks since boot, so that a reused pid is not mistaken."""

    run: str
    epoch: int
    pid: int
    birth: str
    host: str
    expires: float

    def alive(self, now: float) -> bool:
        """Whether its process still works: inside its lease and, where that can be seen, still running."""
        if self.host == socket.gethostname() and birth_of(self.pid) != self.birth:
            return False
        return now < self.expires


class Ownership:
    """The claim of one process on one fleet."""

    def __init__(self, folder: Path, fleet: str, clock: Clock) -> None:
        self._folder = folder
        self._file = folder / f"{fleet}.json"
        self._fleet = fleet
        self._clock = clock
        self.epoch = 0
        self.held = False

    def claim(self, run: str, runs: Path) -> int:
        """Take the fleet for a run and return the new epoch. Raises Refused with the holder's name and the command that settles it."""
        with self._locked():
            for ledger in run_ledgers(runs, self._clock):
                if not ledger.settled and ledger.run != run:
                    command = f"rollout settle {ledger.run} --site {ledger.opened.facts['site']}"
                    raise Refused(f"run {ledger.run} owns fleet {self._fleet}: settle it first with `{command}`")
            return self._take(run, self.holder())

    def take_over(self, run: str) -> int:
        """Take the fleet to settle that run. Raises StillAtWork while another process works on the fleet."""
        with self._locked():
            return self._take(run, self.holder())

    def _take(self, run: str, holder: Claim | None) -> int:
        if holder is not None and holder.pid != os.getpid() and holder.alive(self._clock.now()):
            raise StillAtWork(
                f"fleet {self._fleet} is worked on by run {holder.run} (pid {holder.pid} on {holder.host}); wait for it or cancel it first"
            )
        if holder is not None and holder.pid != os.getpid():
            end_process_of(holder)
        self.epoch = (holder.epoch if holder else 0) + 1
        self._write(run)
        self.held = True
        return self.epoch

    def check(self) -> None:
        """Renew the lease; call before each act and while waiting. Raises OwnershipLost when another process has claimed the fleet."""
        with self._locked():
            holder = self.holder()
            if holder is None or holder.epoch != self.epoch:
                self.held = False
                raise OwnershipLost(f"fleet {self._fleet} belongs to {holder.run if holder else 'nobody'} now; this process stops")
            self._write(holder.run)

    def release(self) -> None:
        """Give up the lease but keep the name: an unsettled ledger still refuses other runs."""
        self.held = False
        with self._locked():
            holder = self.holder()
            if holder is not None and holder.epoch == self.epoch:
                self._store(Claim(holder.run, holder.epoch, 0, "", "", 0.0))

    def holder(self) -> Claim | None:
        """The present claim, if the fleet was ever claimed."""
        if not self._file.exists():
            return None
        return Claim(**json.loads(self._file.read_text(encoding="utf-8")))

    def _write(self, run: str) -> None:
        pid = os.getpid()
        self._store(Claim(run, self.epoch, pid, birth_of(pid), socket.gethostname(), self._clock.now() + LEASE))

    def _store(self, claim: Claim) -> None:
        """Raises Held where it cannot be written: who cannot say that the fleet is theirs must not act on it."""
        fresh = self._file.with_suffix(".tmp")
        with on_record("the claim", self._file):
            fresh.write_text(json.dumps(asdict(claim)), encoding="utf-8")
            fresh.replace(self._file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as stack:
            with on_record("the folder of claims", self._folder):
                private_folder(self._folder)
                stream = stack.enter_context((self._folder / f"{self._fleet}.lock").open("w"))
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def end_process_of(claim: Claim) -> None:
    """End the process whose lease is over, where it is on this machine and still there: stopped or stuck, it could wake up right before an act.

    One that is another user's, or another machine's, is left to the epoch alone. Returns when it has ended or ENDS seconds have passed.
    """
    if not claim.birth or claim.host != socket.gethostname():
        return
    with suppress(ProcessLookupError, PermissionError), _opened(claim.pid) as process:
        if birth_of(claim.pid) == claim.birth:  # asked once the pid cannot become somebody else's any more
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [], ENDS)


@contextmanager
def _opened(pid: int) -> Iterator[int]:
    process = os.pidfd_open(pid)
    try:
        yield process
    finally:
        os.close(process)


def birth_of(pid: int) -> str:
    """Start of a process in clock ticks since boot (proc(5), field 22 of stat); empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
