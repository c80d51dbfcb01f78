"""A person's hand on a run: what is ordered is heeded between two agents, and nothing takes effect unrecorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.audit import Answer, AuditEntry, AuditFile, Order
from rollout.clock import Deadline, PausableClock
from rollout.control import Control, give_order
from rollout.errors import Aborted, InputError, Refused
from rollout.ownership import Ownership
from tests.fakes.clock import JumpingClock


class Desk:
    """One run, a person beside it, and how often the run said that it still holds the fleet."""

    def __init__(self, folder: Path) -> None:
        self.clock = JumpingClock()
        self.working = PausableClock(self.clock)
        self.audit = AuditFile(folder)
        self.control = Control(self.audit, "run-1", self.working, since=self.clock.now())
        self.kept = 0

    def say(self, said: Order | Answer, run: str = "run-1") -> None:
        """The person says something now."""
        self.audit.append(AuditEntry(self.clock.now(), run, said, "ann", "because"))

    def say_after(self, seconds: float, said: Order) -> None:
        """The person says it when that much time has passed."""
        due = self.clock.now() + seconds

        def look(now: float) -> None:
            if now >= due:
                self.clock.on_sleep = lambda _now: None
                self.say(said)

        self.clock.on_sleep = look

    def keep(self) -> None:
        """The run renews its lease."""
        self.kept += 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Nothing was ordered yet."""
    return Desk(tmp_path)


def test_without_orders_a_run_goes_on(desk: Desk) -> None:
    """Nobody waits for anybody."""
    began = desk.clock.now()
    desk.control.between_agents(desk.keep)
    desk.control.between_batches(desk.keep)
    assert (desk.clock.now(), desk.control.aborted) == (began, False)


def test_a_paused_run_waits_keeps_the_fleet_and_loses_no_deadline(desk: Desk) -> None:
    """However long the pause, the time for the acts is what it was."""
    deadline = Deadline.after(desk.working, 30)
    desk.say(Order.PAUSE)
    desk.say_after(600, Order.RESUME)
    began = desk.clock.now()
    desk.control.between_agents(desk.keep)
    assert desk.clock.now() - began >= 600
    assert desk.kept > 100
    assert deadline.remaining == pytest.approx(30)


def test_an_abort_ends_the_run_even_while_it_is_paused(desk: Desk) -> None:
    """It names who said so and why."""
    desk.say(Order.PAUSE)
    desk.say_after(10, Order.ABORT)
    with pytest.raises(Aborted, match="aborted by ann: because"):
        desk.control.between_agents(desk.keep)
    assert desk.control.aborted


def test_a_step_lets_one_batch_through(desk: Desk) -> None:
    """Then the run waits before the next one as if it were paused, and a second step lets that one through."""
    desk.say(Order.PAUSE)
    desk.say_after(10, Order.STEP)
    desk.control.between_batches(desk.keep)
    desk.control.between_agents(desk.keep)
    began = desk.clock.now()
    desk.say_after(60, Order.STEP)
    desk.control.between_batches(desk.keep)
    assert desk.clock.now() - began >= 60
    desk.say_after(30, Order.RESUME)
    desk.control.between_batches(desk.keep)
    desk.control.between_batches(desk.keep)


def test_a_step_inside_a_batch_is_used_up_by_it(desk: Desk) -> None:
    """Paused between two agents: the step finishes this batch and does not begin another one."""
    desk.say(Order.PAUSE)
    desk.say_after(10, Order.STEP)
    desk.control.between_agents(desk.keep)
    desk.say_after(60, Order.RESUME)
    began = desk.clock.now()
    desk.control.between_batches(desk.keep)
    assert desk.clock.now() - began >= 60


def test_orders_of_an_earlier_attempt_and_of_other_runs_are_not_heeded(desk: Desk) -> None:
    """A run that was aborted once can be retried."""
    desk.say(Order.ABORT, run="run-2")
    desk.audit.append(AuditEntry(desk.clock.now() - 60, "run-1", Order.ABORT, "ann", "then"))
    desk.control.between_batches(desk.keep)


def test_an_order_to_a_run_that_is_not_at_work_is_refused_and_not_recorded(desk: Desk, tmp_path: Path) -> None:
    """Nobody would heed it; the refusal says who holds the fleet."""
    ownership = Ownership(tmp_path / "fleets", "f", desk.clock)
    entry = AuditEntry(desk.clock.now(), "run-1", Order.PAUSE, "ann", "why")
    with pytest.raises(Refused, match="run run-1 is not at work"):
        give_order(entry, desk.audit, ownership, desk.clock)
    ownership.claim("run-2", tmp_path / "runs")
    with pytest.raises(Refused, match="last run is run-2"):
        give_order(entry, desk.audit, ownership, desk.clock)
    assert desk.audit.of("run-1") == []


def test_an_order_to_the_run_at_work_is_recorded(desk: Desk, tmp_path: Path) -> None:
    """With the name, the time and the reason that were given."""
    ownership = Ownership(tmp_path / "fleets", "f", desk.clock)
    ownership.claim("run-1", tmp_path / "runs")
    entry = AuditEntry(desk.clock.now(), "run-1", Order.PAUSE, "ann", "why")
    give_order(entry, desk.audit, ownership, desk.clock)
    assert desk.audit.of("run-1") == [entry]


def test_an_audit_file_that_somebody_edited_is_not_guessed_at(desk: Desk) -> None:
    """The line is named; a torn last line was never acknowledged and counts for nothing."""
    desk.say(Answer.EXTEND)
    with desk.audit.file.open("a") as stream:
        stream.write('{"at": 1')
    assert [entry.said for entry in desk.audit.of("run-1")] == [Answer.EXTEND]
    desk.audit.file.write_text('{"said": "jump"}\n')
    with pytest.raises(InputError, match="line 1: not an order"):
        desk.audit.of("run-1")
