"""Thousands of schedules that nobody thought of: acts, deaths between any two writes, faults, late writers and operators, on a virtual clock."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rollout.errors import Aborted, OwnershipLost, Unreachable
from rollout.executor import Executor, Limits, Reversal
from rollout.fleet import Agent
from rollout.ledger import CHANGED, Entry, Ledger, Step
from rollout.ownership import Ownership
from tests.fakes.change import MemoryChange
from tests.fakes.clock import JumpingClock

pytestmark = pytest.mark.slow
RUN = "run-1"
AGENTS = tuple(Agent("east" if number < 4 else "west", "group", f"Agent{number}", 7000 + number, 8000 + number) for number in range(6))
IDS = tuple(agent.id for agent in AGENTS)
BATCHES = (AGENTS[:1], AGENTS[1:4], AGENTS[4:])
LIVES = st.one_of(st.none(), st.integers(0, 12))
"""How many writes and acts a process has left; None: it does not die."""


class Died(BaseException):
    """The process is gone: nothing after this line happens, and nobody catches it."""


class Fuse:
    """Counts what a process does that lasts, and ends it at the given number."""

    def __init__(self, left: int | None) -> None:
        self._left = left

    def burn(self) -> None:
        """One write or act is about to happen."""
        if self._left is not None:
            if self._left == 0:
                raise Died
            self._left -= 1


class Watched(MemoryChange):
    """Burns a fuse before each act, and keeps those that the ledger on disk does not own up to."""

    def __init__(self, clock: JumpingClock, ledger: Path) -> None:
        super().__init__(AGENTS, clock, ledger)
        self.fuse = Fuse(None)
        self.unrecorded: list[str] = []

    def _act(self, agent: str, value: str | None, announced_as: Step) -> None:
        self.fuse.burn()
        if Ledger(self._ledger_file, self._clock).last_steps().get(agent) not in CHANGED:
            self.unrecorded.append(agent)
        super()._act(agent, value, announced_as)


class Schedules(RuleBasedStateMachine):
    """One run on six agents; every rule is a process of its own that may die anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.clock = JumpingClock()
        self.change = Watched(self.clock, self.file)
        self.prior = dict(self.change.flags)
        self.attempted: set[str] = set()
        self.late: list[Executor] = []

    def teardown(self) -> None:
        """Leaves no folder."""
        self._folder.cleanup()

    @property
    def file(self) -> Path:
        """The run's ledger."""
        return self.folder / "runs" / RUN / "ledger.jsonl"

    def ledger(self) -> Ledger:
        """As it is on disk."""
        return Ledger(self.file, self.clock)

    def executor(self, abort_after: int | None = None) -> Executor:
        """A new process that takes the fleet over; a person may abort it after so many acts."""
        ownership = Ownership(self.folder / "fleets", "memory", self.clock)
        ownership.take_over(RUN)
        done = len(self.change.acts)

        def heed() -> None:
            ownership.check()
            if abort_after is not None and len(self.change.acts) - done >= abort_after:
                raise Aborted("aborted by ann: enough")

        return Executor(self.change, self.ledger(), ownership, Limits(30, 10, 60, 4), self.clock, heed)

    @contextmanager
    def life(self, left: int | None) -> Iterator[None]:
        """A process that ends after so many writes and acts; a write that it dies in is torn."""
        fuse = Fuse(left)
        write = Ledger._write

        def dying(ledger: Ledger, entries: list[Entry]) -> None:
            try:
                fuse.burn()
            except Died:
                ledger.file.parent.mkdir(parents=True, exist_ok=True)
                with ledger.file.open("a", encoding="utf-8") as stream:
                    stream.write("".join(json.dumps(entry.to_record()) for entry in entries)[:7])
                raise
            write(ledger, entries)

        self.change.fuse = fuse
        try:
            with patch.object(Ledger, "_write", dying), patch.object(os, "fsync", lambda _: None):
                yield
        except (Died, Aborted, Unreachable):
            pass
        finally:
            self.change.fuse = Fuse(None)

    @rule(number=st.integers(0, 2), left=LIVES, abort_after=st.one_of(st.none(), st.integers(0, 3)))
    def activate(self, number: int, left: int | None, abort_after: int | None) -> None:
        """A batch, begun or begun again; a PASS of it rests on what is so."""
        self.attempted |= {agent.id for agent in BATCHES[number]}
        with self.life(left):
            activation = self.executor(abort_after).activate(BATCHES[number], number + 1)
            for reading in activation.readings:
                assert not reading.verified or self.change.flags[reading.agent] == "true"

    @rule(left=LIVES)
    def roll_back(self, left: int | None) -> None:
        """The whole run, by itself or settled by another process."""
        with self.life(left):
            self._check(self.executor().roll_back())

    @rule(agents=st.sets(st.sampled_from(IDS), min_size=1), left=LIVES)
    def set_back(self, agents: set[str], left: int | None) -> None:
        """Some of them alone."""
        with self.life(left):
            self._check(self.executor().roll_back(agents))

    @rule()
    def fall_behind(self) -> None:
        """A process stands still while others take the fleet."""
        self.late.append(self.executor())

    @precondition(lambda self: self.late)
    @rule(number=st.integers(0, 2), backwards=st.booleans())
    def come_late(self, number: int, backwards: bool) -> None:
        """It wakes up and goes on where it was: where another process has the fleet since, it touches nobody."""
        executor, acts = self.late.pop(), list(self.change.acts)
        self.attempted |= {agent.id for agent in BATCHES[number]}
        overtaken = self._overtaken(executor)
        with self.life(None), suppress(OwnershipLost):
            if backwards:
                executor.roll_back()
            else:
                executor.activate(BATCHES[number], number + 1)
        assert not overtaken or self.change.acts == acts

    @rule(which=st.sampled_from(("lying", "refusing", "stuck", "edited")), agents=st.sets(st.sampled_from(IDS), max_size=2))
    def misbehave(self, which: str, agents: set[str]) -> None:
        """These agents from now on, and no others in this way."""
        setattr(self.change, which, agents)

    @rule(machines=st.sets(st.sampled_from(("east", "west")), max_size=1))
    def lose(self, machines: set[str]) -> None:
        """A machine does not answer, or answers again."""
        self.change.unreachable_machines = machines

    @invariant()
    def no_agent_is_in_an_unrecorded_state(self) -> None:
        """Who is not as before stands in the ledger as changed, with what it was before."""
        prior = {snapshot.agent: snapshot.settings["FLAG"] for snapshot in self.ledger().changed()}
        for agent, flag in self.change.flags.items():
            if flag != self.prior[agent]:
                assert prior[agent] == self.prior[agent]
        assert self.change.unrecorded == []

    @invariant()
    def nobody_else_is_touched(self) -> None:
        """The blast radius is the batches that were attempted."""
        assert {agent for agent, _ in self.change.acts} <= self.attempted

    def _check(self, reversal: Reversal) -> None:
        """What a rollback calls restored is as it was, and a second one finds nothing to do there."""
        for agent in reversal.restored:
            assert self.change.flags[agent] == self.prior[agent]
        acts = len(self.change.acts)
        if not reversal.quarantined:
            again = self.executor().roll_back(reversal.restored)
            assert (again.restored, len(self.change.acts)) == ((), acts)

    def _overtaken(self, executor: Executor) -> bool:
        """Whether another process has the fleet since."""
        holder = Ownership(self.folder / "fleets", "memory", self.clock).holder()
        return holder is not None and holder.epoch != executor._ownership.epoch


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(max_examples=300, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
