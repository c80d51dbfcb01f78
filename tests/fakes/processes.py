"""Processes that take turns on one virtual clock: at each moment at which one does something, it may be told something, stopped, or killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from types import SimpleNamespace
from typing import Any, Protocol
from unittest.mock import patch

import rollout.changes.environment
import rollout.machine
import rollout.observe.probe
import rollout.ownership
from rollout.journal import Journal
from rollout.ownership import Ownership
from tasks.task import ATTEMPTS_AFTER_THE_FIRST, BACK_OFF, Step, TransientFault
from tests.fakes.clock import JumpingClock

Record = Mapping[str, Any]


STARTS = 1.0
"""Seconds that a process takes to start; no two begin in the same moment."""
MOST_MOMENTS = 5000
"""Of a process; one that has more does not end. The longest that was seen to end has a tenth of them."""


class Place(IntEnum):
    """Where a process is at a moment; what may happen there may happen at the later ones too.

    ACT: between its last look at who owns the fleet and the act: all that can still happen is its death. WORKER: in a thread of its own for one
    machine, where no signal arrives. ANYWHERE: everything but Prefect's suspend, which takes effect at the start of a TASK.
    """

    ACT = 0
    WORKER = 1
    ANYWHERE = 2
    TASK = 3


class Happening(Protocol):
    """Something that happens to a process or beside it."""

    @property
    def place(self) -> Place:
        """The first place at which it can."""

    def __call__(self) -> None:
        """Let it happen; what it raises is raised in the process."""


class Died(BaseException):
    """The process is gone: nothing after this line happens, and nobody catches it."""


@dataclass
class Process:
    """One process. due: what happens at or after which of its moments; threads: how many of its own it is in."""

    pid: int
    due: list[tuple[int, Happening]]
    moments: int = 0
    threads: int = 0
    dead: bool = False


@dataclass
class Processes:
    """All processes of one machine, the one at work last; the others stand still meanwhile. wrote: told of each line before it is on disk."""

    clock: TurnsClock = field(default_factory=lambda: TurnsClock())  # noqa: PLW0108 (it stands below)
    wrote: Callable[[Journal, Sequence[Record]], None] = lambda _journal, _records: None

    def __post_init__(self) -> None:
        """None runs yet."""
        self.running: list[Process] = []
        self.endless = False
        self._pids = count(10_001)
        self.clock.processes = self

    def run(self, work: Callable[[], object], happens: Sequence[tuple[int, Happening]] = ()) -> BaseException | None:
        """A process from begin to end; what it raised, and Died where it was killed. happens: each so many moments after the one before."""
        due, at = [], 0
        for gap, happening in happens:
            at += gap
            due.append((at, happening))
        self.clock.time += STARTS
        self.running.append(Process(next(self._pids), due))
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (its end, whatever it is; who asked for it judges)
            return Died() if self.running[-1].dead else error
        else:
            return None
        finally:
            self.running.pop()

    @property
    def pid(self) -> int:
        """Of the one at work; 1 where none is."""
        return self.running[-1].pid if self.running else 1

    def birth_of(self, pid: int) -> str:
        """Empty once it has ended."""
        return str(pid) if any(each.pid == pid and not each.dead for each in self.running) else ""

    def living(self) -> None:
        """Nothing of a dead process goes on."""
        if self.running and self.running[-1].dead:
            raise Died

    def die(self) -> None:
        """As by kill -9."""
        self.running[-1].dead = True
        raise Died

    def later(self, gap: int, happening: Happening) -> None:
        """Let that happen to the one at work, so many moments from now."""
        process = self.running[-1]
        process.due.append((process.moments + gap, happening))

    def moment(self, place: Place) -> None:
        """Everything that is due and can happen there happens."""
        self.living()
        if not self.running:
            return
        process = self.running[-1]
        process.moments += 1
        if process.moments > MOST_MOMENTS:
            self.endless = True
            self.die()
        here = min(place, Place.WORKER) if process.threads else place
        while ready := [each for each in process.due if each[0] <= process.moments and each[1].place <= here]:
            process.due.remove(ready[0])
            ready[0][1]()

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Who asks for a pid, a thread, a task or the disk gets them from here."""
        append, store = Journal.append, Ownership._store

        def appended(journal: Journal, *records: Record) -> None:
            try:
                self.moment(Place.ANYWHERE)
                self.wrote(journal, records)
            except Died:
                journal.file.parent.mkdir(parents=True, exist_ok=True)
                with journal.file.open("a", encoding="utf-8") as stream:
                    stream.write('{"at":1')  # torn off
                raise
            append(journal, *records)

        def stored(ownership: Ownership, claim: rollout.ownership.Claim) -> None:
            self.moment(Place.ACT)
            store(ownership, claim)

        def called(task: Step[Any, Any], *arguments: object, **named: object) -> object:
            for attempt in range(ATTEMPTS_AFTER_THE_FIRST + 1):
                self.moment(Place.TASK)
                try:
                    return task.fn(*arguments, **named)
                except TransientFault:
                    if attempt == task.retries:
                        raise
                    self.clock.sleep(BACK_OFF[attempt])
            raise AssertionError

        with ExitStack() as patches:
            for target, name, fake in (
                (Journal, "append", appended),
                (Ownership, "_store", stored),
                (Step, "__call__", called),
                (os, "fsync", lambda _: None),
                (rollout.ownership, "os", SimpleNamespace(getpid=lambda: self.pid)),
                (rollout.ownership, "birth_of", self.birth_of),
                (rollout.ownership, "end_process_of", lambda _: None),  # as one of another user's: it wakes up again
                *((module, "ThreadPoolExecutor", self._thread) for module in (rollout.changes.environment, rollout.machine, rollout.observe.probe)),
            ):
                patches.enter_context(patch.object(target, name, fake))
            yield

    def _thread(self, *_: object) -> Thread:
        return Thread(self)


class Thread(Executor):
    """Does at once what it is given, so that a schedule is the same each time; the process knows that no signal arrives there."""

    def __init__(self, processes: Processes) -> None:
        self._process = processes.running[-1] if processes.running else Process(1, [])

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Its result or what it raised."""
        future: Future[Any] = Future()
        self._process.threads += 1
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 (whoever waits for the result gets it)
            future.set_exception(error)
        finally:
            self._process.threads -= 1
        return future


class TurnsClock(JumpingClock):
    """Jumps when the process at work sleeps; a dead one asks for the time no more."""

    processes: Processes

    def now(self) -> float:
        """Unix seconds."""
        self.processes.living()
        return super().now()

    def monotonic(self) -> float:
        """The same number."""
        return self.now()

    def sleep(self, seconds: float) -> None:
        """A moment, and that much later."""
        self.processes.moment(Place.ANYWHERE)
        super().sleep(seconds)
