"""The way back tried on the canary: what takes too long or does not come back is not begun with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

import flows.rehearsal
from flows.day_run import DayRun
from flows.rehearsal import rehearse_rollback
from rollout.errors import Refused, RollbackIncomplete
from rollout.executor import roll_back_all
from rollout.ledger import Step
from rollout.services.port import ServiceState
from tests.fakes.machine import FLAG, MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents on two machines."""
    return MemoryWorld()


@pytest.fixture
def run(world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DayRun:
    """A day 1 that owns the fleet and is about to rehearse."""
    site = memory_site(world, tmp_path)
    made = run_of(site, 1)
    made.ledger.append(made.ownership.claim(made.run_id, site.runs), Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    monkeypatch.setattr(flows.rehearsal, "activate_batch", lambda executor, batch, *_: executor.activate(batch.agents, 0))
    monkeypatch.setattr(flows.rehearsal, "roll_back", lambda executors, agents, _what: roll_back_all(executors, agents))
    return made


def canary(run: DayRun) -> str:
    """The agent on which it is tried."""
    (agent,) = run.schedule.batches[0].ids
    return agent


def test_a_rehearsal_inside_the_budget_leaves_the_canary_as_it_was(world: MemoryWorld, run: DayRun) -> None:
    """Restarted forth and back, flag gone, and the report says how long the way back took."""
    pid = world.all[canary(run)].process.pid
    rehearse_rollback(run)
    assert FLAG not in world.all[canary(run)].process.environment
    assert world.all[canary(run)].process.pid != pid
    assert any(note.startswith(f"rollback rehearsed on the canary {canary(run)}: restored and read back in") for note in run.record.notes)


def test_a_way_back_that_takes_longer_than_the_rollback_may_stops_the_day(world: MemoryWorld, run: DayRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """It came back, and too late: what one agent takes more time for than the plan gives to all is not begun with all."""
    budget = run.day.deadlines.rollback

    def slowly(executors, agents, _what):  # type: ignore[no-untyped-def]
        back = roll_back_all(executors, agents)
        return type(back)(back.began, back.began + budget + 1, back.restored, back.quarantined)

    monkeypatch.setattr(flows.rehearsal, "roll_back", slowly)
    with pytest.raises(Refused, match=rf"canary {canary(run)} took {budget + 1:.1f} s .* more than the {budget:.0f} s"):
        rehearse_rollback(run)
    assert FLAG not in world.all[canary(run)].process.environment
    assert run.ledger.in_step(Step.RESTORED) == (canary(run),)
    assert run.changed() == ()


def test_a_canary_that_does_not_come_back_is_named(world: MemoryWorld, run: DayRun) -> None:
    """No batch is begun, and the agent stands in the ledger as one to bring back."""
    agent = world.all[canary(run)]
    world.clock.on_sleep = lambda _now: setattr(agent, "state", ServiceState.FATAL)
    agent.ignores_restart = True
    with pytest.raises(RollbackIncomplete, match=canary(run)):
        rehearse_rollback(run)
    assert run.ledger.in_step(Step.QUARANTINED) == (canary(run),)
