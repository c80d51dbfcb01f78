"""The executor: intend, act, read back; and the way back from wherever it stopped."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any

import pytest
from supervisor.xmlrpc import Faults

from rollout.change import BeforeEach, Snapshot
from rollout.clock import Deadline
from rollout.errors import Aborted, ActFault, Held, OwnershipLost, Unreachable
from rollout.executor import TRIES, Executor, Limits
from rollout.ledger import Step
from rollout.services.supervisor_rpc import Fault
from tests.unit.conftest import World


def test_every_act_stands_in_the_ledger_on_disk_before_it_happens(world: World) -> None:
    """A process that dies between two lines leaves no agent changed that the ledger does not name."""
    executor = world.executor()
    executor.activate(world.agents[:5], batch=1)
    executor.roll_back()
    assert len(world.change.acts) == 10
    assert world.change.unwritten_acts == []


def test_an_activated_batch_is_verified_agent_by_agent(world: World) -> None:
    """All witnesses agreed: nothing failed and the ledger says verified."""
    activation = world.executor().activate(world.agents[:5], batch=1)
    assert activation.failed == ()
    assert set(world.ledger().in_step(Step.VERIFIED)) == {agent.id for agent in world.agents[:5]}


def test_an_agent_that_accepts_the_flag_without_effect_is_named(world: World) -> None:
    """An act that succeeded proves nothing; only the read-back counts."""
    world.change.lying = {"east/Agent2"}
    activation = world.executor().activate(world.agents[:5], batch=1)
    assert activation.failed == ("east/Agent2",)
    assert world.ledger().last_steps()["east/Agent2"] is Step.APPLIED


def test_a_refused_act_names_its_agent_and_its_reason(world: World) -> None:
    """The report can say why: the supervisor's own words come first."""
    world.change.refusing = {"east/Agent1"}
    activation = world.executor().activate(world.agents[:3], batch=1)
    (failed,) = [reading for reading in activation.readings if not reading.verified]
    assert failed.disagreements[0] == "the act was refused: spawn error"


def test_a_repeated_activation_restarts_nobody(world: World) -> None:
    """Retry resumes: an agent already in the wanted state keeps its pid."""
    world.executor().activate(world.agents[:5], batch=1)
    pids = dict(world.change.pids)
    again = world.executor().activate(world.agents[:5], batch=1)
    assert world.change.pids == pids
    assert again.failed == ()


def test_a_batch_that_died_after_its_acts_is_only_verified(world: World) -> None:
    """Killed between act and read-back: the next process verifies and changes nobody a second time."""
    first = world.executor()
    first.ledger.intend(1, world.change.snapshot(world.agents[:3]), batch=1)
    for agent in world.agents[:3]:
        world.change.flags[agent.id] = "true"
    world.executor().activate(world.agents[:3], batch=1)
    assert world.change.acts == []
    assert len(world.ledger().in_step(Step.VERIFIED)) == 3


def test_a_rollback_restores_last_changed_first_and_only_what_was_changed(world: World) -> None:
    """Reverse order, and agents that were never touched keep their pid."""
    executor = world.executor()
    executor.activate(world.agents[:2], batch=1)
    executor.activate(world.agents[8:10], batch=2)
    world.change.acts.clear()
    reversal = executor.roll_back()
    assert [agent for agent, _ in world.change.acts] == ["west/Agent9", "west/Agent8", "east/Agent1", "east/Agent0"]
    assert reversal.quarantined == {}
    assert world.change.pids["east/Agent5"] == 105


def test_the_prior_value_comes_back_even_when_the_agent_was_intended_twice(world: World) -> None:
    """A second attempt must not take our own change for the prior state."""
    world.change.flags["east/Agent0"] = "false"
    world.change.lying = {"east/Agent0"}
    world.executor().activate(world.agents[:1], batch=1)
    world.executor().activate(world.agents[:1], batch=1)
    world.executor().roll_back()
    assert world.change.flags["east/Agent0"] == "false"


def test_what_cannot_be_restored_is_quarantined_by_name_and_the_rest_comes_back(world: World) -> None:
    """One stuck agent costs its own restoration, not the others'."""
    executor = world.executor()
    executor.activate(world.agents[:5], batch=1)
    world.change.stuck = {"east/Agent3"}
    reversal = executor.roll_back()
    assert set(reversal.quarantined) == {"east/Agent3"}
    assert len(reversal.restored) == 4
    assert world.ledger().in_step(Step.QUARANTINED) == ("east/Agent3",)
    assert reversal.seconds <= 130


def test_a_machine_that_comes_back_during_the_rollback_is_restored_too(world: World) -> None:
    """Unreachable is tried again until the rollback's time is over."""
    executor = world.executor()
    executor.activate((*world.agents[:2], *world.agents[8:10]), batch=1)
    world.change.unreachable_machines = {"west"}
    back_at = world.clock.now() + 30

    def react(now: float) -> None:
        if now >= back_at:
            world.change.unreachable_machines = set()

    world.clock.on_sleep = react
    reversal = executor.roll_back()
    assert reversal.quarantined == {}
    assert len(reversal.restored) == 4


def test_machines_are_restored_side_by_side_in_as_few_turns_as_the_plan_allows(world: World) -> None:
    """Eight agents of two machines in turns of four are two turns, however their machines alternate in the ledger."""
    executor = world.executor()
    for east, west in zip(world.agents[:4], world.agents[8:], strict=True):
        executor.activate((east,), batch=1)
        executor.activate((west,), batch=1)
    turns: list[int] = []
    restore = world.change.restore

    def counted(snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        turns.append(len(snapshots))
        restore(snapshots, deadline, before_each)

    world.change.restore = counted
    assert len(executor.roll_back().restored) == 8
    assert turns == [4, 4]


def test_a_dead_machine_does_not_hold_back_the_agents_of_the_other(world: World) -> None:
    """The reachable half of a turn is restored at once, not when the rollback's time is over."""
    executor = world.executor()
    executor.activate((*world.agents[:2], *world.agents[8:10]), batch=1)
    world.change.unreachable_machines = {"west"}
    restored_at: list[float] = []
    world.clock.on_sleep = lambda now: restored_at.append(now) if len(world.ledger().in_step(Step.RESTORED)) == 2 else None
    began = world.clock.now()
    reversal = executor.roll_back()
    assert set(reversal.quarantined) == {"west/Agent8", "west/Agent9"}
    assert restored_at[0] - began < 5


def test_a_fault_that_nobody_expects_names_its_machine_and_the_rest_comes_back(world: World) -> None:
    """Whatever an adapter raises, bringing back goes on for the others and ends with names instead of a traceback."""
    executor = world.executor()
    executor.activate([*world.agents[6:8], *world.agents[8:10]], batch=1)
    world.change.faulty_machines = {"east"}
    reversal = executor.roll_back()
    assert set(reversal.restored) == {"west/Agent8", "west/Agent9"}
    assert set(reversal.quarantined) == {"east/Agent6", "east/Agent7"}
    assert set(world.ledger().in_step(Step.QUARANTINED)) == set(reversal.quarantined)


def test_turns_with_a_stuck_agent_leave_time_to_those_after_them(world: World) -> None:
    """Three turns that could each use up a third of the time and more do not cost the fourth its way back."""
    executor = world.executor(verify=50.0, rollback_size=3)
    executor.activate(world.agents, batch=1)
    world.change.stuck = {"west/Agent11", "west/Agent8", "east/Agent5"}
    reversal = executor.roll_back()
    assert set(reversal.quarantined) == world.change.stuck
    assert len(reversal.restored) == 9


def test_repeating_a_rollback_touches_nobody(world: World) -> None:
    """Settling is idempotent."""
    executor = world.executor()
    executor.activate(world.agents[:3], batch=1)
    executor.roll_back()
    pids = dict(world.change.pids)
    assert world.executor().roll_back().restored == ()
    assert world.change.pids == pids


def test_a_process_that_lost_the_fleet_stops_before_its_next_act(world: World) -> None:
    """Ownership is read again before each act, and before each entry: one of a late process would open a ledger again that was settled."""
    executor = world.executor()
    world.ownership().take_over("run-1")
    with pytest.raises(OwnershipLost):
        executor.activate(world.agents[:3], batch=1)
    with pytest.raises(OwnershipLost):
        executor.restart_unchanged(world.agents[:3], batch=1)
    assert world.change.acts == []
    assert executor.ledger.entries == []


def test_a_process_that_lost_the_fleet_in_mid_batch_writes_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its act was under way when the fleet was taken: who took it has seen the intention, and looks at the agents anew."""
    executor = world.executor()
    apply = world.change.apply

    def taken_meanwhile(*given: Any) -> None:
        apply(*given)
        world.ownership().take_over("run-1")

    monkeypatch.setattr(world.change, "apply", taken_meanwhile)
    with pytest.raises(OwnershipLost):
        executor.activate(world.agents[:3], batch=1)
    assert {entry.step for entry in executor.ledger.entries} == {Step.INTENDED}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
def test_a_ledger_that_cannot_be_written_stops_before_the_next_agent(world: World, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """On a full or read-only disk nobody is changed and nobody brought back; once it can be written again, all comes back from what it holds."""
    executor = world.executor()
    executor.activate(world.agents[:3], batch=1)
    acts = list(world.change.acts)

    def refuse(_descriptor: int) -> None:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patched:
        patched.setattr("rollout.journal.os.fsync", refuse)
        with pytest.raises(Held, match=rf"ledger\.jsonl cannot be written \({os.strerror(error)}\)"):
            executor.activate(world.agents[3:6], batch=2)
        with pytest.raises(Held):
            executor.roll_back()
    assert world.change.acts == acts
    assert world.executor().roll_back().quarantined == {}
    assert set(world.change.flags.values()) == {None}


def test_an_unreachable_machine_interrupts_an_activation_without_losing_its_place(world: World) -> None:
    """A transient fault is the caller's to retry; the retry finishes the batch."""
    executor = world.executor()
    world.change.unreachable_machines = {"east"}
    with pytest.raises(Unreachable):
        executor.activate(world.agents[:3], batch=1)
    world.change.unreachable_machines = set()
    assert executor.activate(world.agents[:3], batch=1).failed == ()


def test_a_quarantined_agent_is_tried_again_when_a_person_settles(world: World) -> None:
    """Quarantine ends the run, not the debt: once the cause is gone, settling restores the agent."""
    executor = world.executor()
    executor.activate(world.agents[:2], batch=1)
    world.change.stuck = {"east/Agent1"}
    executor.roll_back()
    world.change.stuck = set()
    assert world.executor().roll_back().restored == ("east/Agent1",)


def test_an_abort_stops_before_the_next_agent(world: World) -> None:
    """A person's word between two agents: those not reached keep their process, and what was done comes back without asking again."""
    ownership = world.ownership()
    ownership.claim("run-1", world.folder / "runs")

    def heed() -> None:
        if len(world.change.acts) == 2:
            raise Aborted("aborted by ann: enough")

    executor = Executor(world.change, world.ledger(), ownership, Limits(30, 10, 120, 4), world.clock, heed)
    with pytest.raises(Aborted):
        executor.activate(world.agents[:5], batch=1)
    assert [agent for agent, _ in world.change.acts] == ["east/Agent0", "east/Agent1"]
    assert executor.roll_back().quarantined == {}
    assert set(world.change.flags.values()) == {None}


def test_what_no_repetition_can_mend_is_quarantined_at_once(world: World) -> None:
    """An agent that somebody edited keeps nobody waiting, and the others come back."""
    executor = world.executor()
    executor.activate(world.agents[:3], batch=1)
    world.change.edited = {"east/Agent1"}
    reversal = executor.roll_back()
    assert reversal.quarantined == {"east/Agent1": "edited"}
    assert set(reversal.restored) == {"east/Agent0", "east/Agent2"}
    assert reversal.seconds < 5
    world.change.edited = set()
    assert world.executor().roll_back().restored == ("east/Agent1",)


@pytest.mark.parametrize("rollback", [120.0, 300.0])
def test_an_agent_that_is_bad_in_either_state_is_not_sent_to_and_fro(world: World, rollback: float) -> None:
    """One act forward and never another; a few restarts back, however long the plan lets a rollback take; then it is named, and the rest is back."""
    world.change.broken = {"east/Agent1"}
    executor = world.executor(rollback=rollback)
    assert executor.activate(world.agents[:5], batch=1).failed == ("east/Agent1",)
    reversal = executor.roll_back()
    assert [value for agent, value in world.change.acts if agent == "east/Agent1"] == ["true", *["absent"] * TRIES]
    assert reversal.quarantined == {"east/Agent1": "its process is FATAL"}
    assert set(reversal.restored) == {f"east/Agent{index}" for index in (0, 2, 3, 4)}
    assert [value for agent, value in world.change.acts if agent == "east/Agent0"] == ["true", "absent"]
    assert world.ledger().in_step(Step.QUARANTINED) == ("east/Agent1",)
    world.change.broken = set()
    assert world.executor().roll_back().quarantined == {}
    assert world.change.flags["east/Agent1"] is None


@pytest.mark.parametrize("fault", [ActFault("no time was left to restart it", ["east/Agent0", "east/Agent1"]), Fault(Faults.SHUTDOWN_STATE, "")])
def test_what_is_refused_is_no_try(world: World, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """A supervisord that restarts nobody for a while, whether it names them or not, has tried nothing: all are back once it does."""
    executor = world.executor()
    executor.activate(world.agents[:2], batch=1)
    restore, back_at = world.change.restore, world.clock.now() + 60

    def refused(snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        if world.clock.now() < back_at:
            raise fault
        restore(snapshots, deadline, before_each)

    monkeypatch.setattr(world.change, "restore", refused)
    assert executor.roll_back().quarantined == {}


def test_an_agent_on_its_way_back_goes_forward_only_after_the_ledger_says_so(world: World) -> None:
    """An attempt died while it took the canary back: the next one intends it anew, and still knows what it was before the first."""
    executor = world.executor()
    executor.activate(world.agents[:1], 0)
    executor.ledger.append(1, Step.REVERTING, [world.agents[0].id])
    world.change.flags[world.agents[0].id] = None
    world.executor().activate(world.agents[:1], 1)
    assert world.change.unwritten_acts == []
    assert [snapshot.settings for snapshot in world.ledger().changed()] == [{"FLAG": None}]
    assert world.ledger().batches() == {world.agents[0].id: 1}
