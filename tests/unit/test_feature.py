"""A feature on machines in memory: in effect only where the process has the flag and the agent admits it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from rollout.change import Change
from rollout.changes.feature import DISCOVERY, LAZY_LOADING, Switch
from rollout.clock import Deadline
from rollout.plan import ChangeKind
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents whose launcher knows the flag."""
    return MemoryWorld()


@pytest.fixture
def change(world: MemoryWorld, tmp_path: Path) -> Change:
    """As a site builds it."""
    return memory_site(world, tmp_path).change(ChangeKind.LAZY_LOADING)


def apply(world: MemoryWorld, change: Change) -> float:
    """To the first agent of each machine; returns the moment before."""
    since = world.clock.now()
    change.apply([world.agents[0], world.agents[4]], Deadline.after(world.clock, 30), lambda: None)
    return since


@pytest.mark.parametrize(("kind", "switch"), [(ChangeKind.LAZY_LOADING, LAZY_LOADING), (ChangeKind.DISCOVERY, DISCOVERY)])
def test_it_is_in_effect_and_comes_back(world: MemoryWorld, tmp_path: Path, kind: ChangeKind, switch: Switch) -> None:
    """The flag is in the process and on disk, /health says on; after restoring all is as it was and /health says off."""
    change = memory_site(world, tmp_path).change(kind)
    agents = [world.agents[0], world.agents[4]]
    snapshots = change.snapshot(agents)
    since = apply(world, change)
    readings = change.read_applied(agents, since)
    assert [reading.disagreements for reading in readings] == [(), ()]
    assert all(reading.row["health_feature_matches"] for reading in readings)
    assert world.all["east/Agent0"].process.environment[switch.flag] == "true"
    assert f"{switch.flag} absent -> true" in change.describe(snapshots[0])
    change.restore(snapshots, Deadline.after(world.clock, 30), lambda: None)
    assert [reading.disagreements for reading in change.read_restored(snapshots)] == [(), ()]
    assert switch.flag not in world.all["east/Agent0"].configured


@pytest.mark.parametrize(("said", "told"), [({"lazy_loading": "off"}, "is off, not on"), ({}, "is unknown to it, not on")])
def test_an_agent_that_does_not_obey_is_not_optimised(world: MemoryWorld, change: Change, said: dict[str, str], told: str) -> None:
    """A flag in the environment proves nothing: an agent without the launcher, or one that ignores it, is named with what it says."""
    since = apply(world, change)
    each = world.all["east/Agent0"]
    each.health = lambda _: httpx.Response(200, json={"pid": each.process.pid, "started": each.process.started, "features": said})
    readings = {reading.agent: reading for reading in change.read_applied([world.agents[0], world.agents[4]], since)}
    assert told in readings["east/Agent0"].reason
    assert readings["east/Agent0"].row["health_feature_matches"] is False
    assert readings["west/Agent4"].verified
