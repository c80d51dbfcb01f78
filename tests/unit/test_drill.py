"""The drill of day 2 on hubs in memory: a run that stops in the middle of an outage leaves no dead hub behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import flows.drill
from flows.day_run import DayRun
from flows.drill import drill_failover
from rollout.errors import Aborted, Held
from rollout.ledger import Step
from tests.fakes.machine import MemoryWorld
from tests.fakes.pair import PairWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of


@pytest.fixture
def world() -> PairWorld:
    """Two hubs."""
    return PairWorld()


@pytest.fixture
def run(world: PairWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DayRun:
    """A day 2 that owns the fleet of these hubs and has come to its drill."""
    machines = {hub.machine.name: hub.machine for hub in world.hubs}
    site = replace(memory_site(MemoryWorld(), tmp_path), fleet=world.fleet, machines=machines, pair=world.pair, clock=world.clock)
    made = run_of(site, 2)
    made.ledger.append(made.ownership.claim(made.run_id, site.runs), Step.OPENED, day=2, plan="week3", site="memory", change="hubs")
    monkeypatch.setattr(flows.drill, "activate_batch", lambda executor, batch, *_: executor.activate(batch.agents, batch.index))
    return made


@pytest.mark.parametrize("cause", [Held("the watchdog does not answer"), Aborted("by a person")])
def test_a_stop_in_the_middle_of_an_outage_ends_the_outage(world: PairWorld, run: DayRun, monkeypatch: pytest.MonkeyPatch, cause: Exception) -> None:
    """A held run leaves the fleet as it is, for days perhaps: its hub runs again before the run stands still."""
    killed: list[bool] = []

    def stop(*_: object) -> None:
        killed.append("central" not in world.memory["mainpc"].running)
        raise cause

    monkeypatch.setattr(flows.drill, "patiently", stop)
    with pytest.raises(type(cause)):
        drill_failover(run)
    assert killed == [True]
    assert "central" in world.memory["mainpc"].running
    assert run.ledger.changed() == []
