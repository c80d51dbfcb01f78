"""Thousands of days that nobody thought of, on a virtual clock: the whole flow of a day, the real gates and the real reducer, and people who step in.

One storey above test_schedules.py: what is started here is what the deployment starts and what the commands call.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from prefect.exceptions import Pause, TerminationSignal

from rollout.audit import Answer, Order
from rollout.errors import Held, OwnershipLost, Refused, RolloutError
from rollout.parameters import OnCancel
from rollout.plan import RollbackScope
from tests.fakes.days import MemoryDays
from tests.fakes.happenings import HAPPENINGS, WORLD, To, What, heal
from tests.fakes.machine import TOKEN, MemoryWorld
from tests.fakes.processes import Died

IDS = tuple(sorted(MemoryWorld().all))
AGENTS, NUMBERS = st.sampled_from(IDS), st.integers(0, 15)
SCHEDULES = st.lists(st.tuples(st.integers(0, 60), st.builds(What, st.sampled_from(sorted(HAPPENINGS)), AGENTS, NUMBERS)), max_size=6)
"""What happens to a process, each so many of its moments after the one before."""
LIVES = st.one_of(st.just(()), st.tuples(st.tuples(st.integers(0, 60), st.builds(What, st.just("die"), AGENTS, NUMBERS))))
"""Of a command: to its end, or not."""


class OperatorSchedules(RuleBasedStateMachine):
    """Days, commands and faults one after the other, and inside each other."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.days = MemoryDays(Path(self.stack.enter_context(tempfile.TemporaryDirectory())))
        self.stack.enter_context(self.days.in_force())

    def teardown(self) -> None:
        """Once everybody is well again, settling brings back what is open, and the fleet is free; an edited agent needs a person's word.

        Whatever has happened: what the agents keep secret stands in no file of ours.
        """
        try:
            heal(self.days)
            for finish in (self.days.settle, *([self.days.accept] if self.days.edited else [])):
                for _ in range(len(self.days.runs)):
                    if run := self.days.open_run():
                        self._command(finish(run))
            assert self.days.open_run() is None
            self.nothing_is_objected_to()
            assert not self.days.telling(TOKEN)
        finally:
            self.stack.close()

    @rule(again=st.booleans(), scope=st.sampled_from((None, *RollbackScope)), on_cancel=st.sampled_from(OnCancel), happens=SCHEDULES)
    def day(self, again: bool, scope: RollbackScope | None, on_cancel: OnCancel, happens: Sequence[tuple[int, What]]) -> None:
        """A new run, or the last one once more as Prefect's Retry does it."""
        self._attempt(list(self.days.days)[-1] if again and self.days.days else self.days.new_day(scope, on_cancel), happens)

    @precondition(lambda self: self.days.open_run() in self.days.days)
    @rule(answer=st.sampled_from(Answer), happens=SCHEDULES)
    def answer(self, answer: Answer, happens: Sequence[tuple[int, What]]) -> None:
        """A person's word to the run that is held, and its next attempt; a run that died before it was held finds no form."""
        self.days.answer = answer
        run = self.days.open_run()
        assert run is not None
        self._attempt(run, happens)
        self.days.answer = None

    @precondition(lambda self: self.days.open_run())
    @rule(life=LIVES)
    def settle(self, life: Sequence[tuple[int, What]]) -> None:
        """What is open is brought back, and of what is closed nobody is touched again."""
        run = self.days.open_run()
        assert run is not None
        self._command(self.days.settle(run, self._bound(life)))
        if self.days.watch.ledger(run).settled:
            self._nobody_is_touched_by(run)

    @precondition(lambda self: self.days.open_run())
    @rule(life=LIVES)
    def accept(self, life: Sequence[tuple[int, What]]) -> None:
        """What is open stays as it is."""
        run = self.days.open_run()
        assert run is not None
        flags = self.days.watch.flags()
        self._command(self.days.accept(run, self._bound(life)))
        assert self.days.watch.flags() == flags

    @rule(life=LIVES)
    def emergency(self, life: Sequence[tuple[int, What]]) -> None:
        """Nobody is at work, so nothing stands in its way."""
        self._command(self.days.emergency(self._bound(life)))

    @precondition(lambda self: self.days.runs)
    @rule(order=st.sampled_from(Order))
    def order(self, order: Order) -> None:
        """To nobody: refused, and nothing of it is heeded later."""
        said = len(self.days.audit.entries())
        self.days.order(order)
        assert len(self.days.audit.entries()) == said

    @rule(what=st.builds(What, st.sampled_from(sorted(WORLD)), AGENTS, NUMBERS))
    def befall(self, what: What) -> None:
        """Something happens to the world while nobody works."""
        To(self.days, what)()

    @invariant()
    def nothing_is_objected_to(self) -> None:
        """Everything that was seen since, and how things stand now."""
        self.days.watch.after()
        assert not self.days.watch.objections, self.days.watch.objections
        assert not self.days.processes.endless

    def _attempt(self, run: str, happens: Sequence[tuple[int, What]]) -> None:
        """A day ends well, by an error of ours, suspended, by a signal, or killed; never by a defect, and none tells a secret."""
        error = self.days.day(run, self._bound(happens))
        assert TOKEN not in str(error)
        if not isinstance(error, (RolloutError, Pause, TerminationSignal, Died, type(None))):
            raise error
        if self.days.watch.ledger(run).settled and self.days.watch.ledger(run).exists:
            self._nobody_is_touched_by(run)

    def _command(self, error: BaseException | None) -> None:
        """A command does its work, is refused, cannot write, or is killed."""
        if not isinstance(error, (Refused, Held, OwnershipLost, Died, type(None))):
            raise error

    def _nobody_is_touched_by(self, run: str) -> None:
        """Settling it again."""
        acts = sum(map(len, self.days.watch.acts.values()))
        self._command(self.days.settle(run))
        assert sum(map(len, self.days.watch.acts.values())) == acts

    def _bound(self, happens: Sequence[tuple[int, What]]) -> list[tuple[int, To]]:
        return [(gap, To(self.days, what)) for gap, what in happens]


class ThousandsOfSchedules(OperatorSchedules):
    """The same, for as long as ./test full may take."""


SETTINGS = settings(stateful_step_count=6, deadline=None, suppress_health_check=list(HealthCheck))
TestSchedules = pytest.mark.slow(OperatorSchedules.TestCase)
TestSchedules.settings = settings(SETTINGS, max_examples=300, derandomize=True)  # what breaks there was broken by the last change, not by luck
TestThousandsOfSchedules = pytest.mark.full(ThousandsOfSchedules.TestCase)
TestThousandsOfSchedules.settings = settings(SETTINGS, max_examples=3000)
