"""Agents that a run does not touch stay what they were, or are named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.drift import Bystanders
from rollout.errors import Unreachable
from rollout.services.port import Pending, ServiceState
from tests.fakes.machine import MemoryWorld


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents."""
    return MemoryWorld()


@pytest.fixture
def bystanders(world: MemoryWorld) -> Bystanders:
    """Watched from now on."""
    return Bystanders.watch(world.fleet, world.machines)


def restart(world: MemoryWorld, identity: str) -> None:
    """Somebody restarts this agent."""
    world.all[identity].process = replace(world.all[identity].process, pid=4711)


def test_a_quiet_fleet_has_not_drifted(bystanders: Bystanders) -> None:
    """Nobody did anything."""
    assert bystanders.drifted(()) == {}


def test_a_restart_by_somebody_else_is_named_with_both_pids(world: MemoryWorld, bystanders: Bystanders) -> None:
    """Unless the run itself has touched that agent."""
    restart(world, "east/Agent1")
    assert bystanders.drifted(()) == {"east/Agent1": "restarted by somebody else (pid 101 before, 4711 now)"}
    assert bystanders.drifted(["east/Agent1"]) == {}


def test_a_configuration_that_waits_on_disk_is_named(world: MemoryWorld, bystanders: Bystanders) -> None:
    """The next re-read would carry it out; it comes before the restart as the reason."""
    world.west.foreign = {"Agent5", "lab-load"}
    restart(world, "west/Agent5")
    assert bystanders.drifted(()) == {
        "west/Agent5": "its configuration was changed by somebody else",
        "west/lab-load": "its configuration was changed by somebody else",
    }


@pytest.mark.parametrize(
    ("kind", "said"),
    [("added", "its configuration was added by somebody else"), ("removed", "its configuration was removed by somebody else")],
)
def test_a_program_that_was_added_or_removed_on_disk_is_named(world: MemoryWorld, bystanders: Bystanders, kind: str, said: str) -> None:
    """Whether it is an agent of the fleet or not; nobody else is, and an agent of the run's own is not."""
    pending = {"added": frozenset[str](), "changed": frozenset[str](), "removed": frozenset[str](), kind: frozenset({"Agent5", "Newcomer"})}
    world.west.pending = lambda: Pending(**pending)  # type: ignore[method-assign]
    assert bystanders.drifted(()) == {"west/Agent5": said, "west/Newcomer": said}
    assert bystanders.drifted(["west/Agent5"]) == {"west/Newcomer": said}


def test_an_agent_that_disappeared_is_named(world: MemoryWorld, bystanders: Bystanders) -> None:
    """The supervisor does not know it any more, or does not run it: nobody restarted it."""
    del world.east.agents["Agent0"]
    world.east.agents["Agent1"].state = ServiceState.STOPPED
    assert bystanders.drifted(()) == {
        "east/Agent0": "it is gone from its supervisor (pid 100 before)",
        "east/Agent1": "it does not run any more (pid 101 before)",
    }


def test_a_machine_that_does_not_answer_is_not_called_quiet(world: MemoryWorld, bystanders: Bystanders) -> None:
    """Not seen is not unchanged."""
    world.west.unreachable = True
    with pytest.raises(Unreachable):
        bystanders.drifted(())
