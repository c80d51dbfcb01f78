"""What is seen of an agent without believing it."""

from __future__ import annotations

import httpx
import pytest

from rollout.errors import Unreachable
from rollout.fleet import Agent
from rollout.observe.witness import Witness, witness_all
from rollout.services.port import ServiceState
from tests.fakes.machine import MemoryWorld


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents."""
    return MemoryWorld()


def look(world: MemoryWorld, identity: str = "east/Agent1") -> Witness:
    """One agent as seen now."""
    (seen,) = witness_all(world.machines, [world.fleet.agent(identity)], world.prober)
    return seen


def some(world: MemoryWorld, *identities: str) -> list[Agent]:
    """Agents by identity."""
    return [world.fleet.agent(identity) for identity in identities]


def test_healthy_agents_have_no_complaints_and_keep_their_order(world: MemoryWorld) -> None:
    """Every witness agrees on each of them."""
    seen = witness_all(world.machines, world.agents, world.prober)
    assert [each.agent for each in seen] == list(world.agents)
    assert all(each.healthy and not list(each.complaints()) for each in seen)


def test_running_is_not_healthy_when_an_orphan_holds_the_port(world: MemoryWorld) -> None:
    """The orphan answers /health with 200; its pid gives it away."""
    world.all["east/Agent1"].owner = 999
    seen = look(world)
    assert seen.running
    assert not seen.healthy
    assert list(seen.complaints()) == ["port 8001 is held by pid 999, not by the supervised pid 101"]


def test_an_orphan_on_the_health_port_of_a_hub_is_found_too(world: MemoryWorld) -> None:
    """A hub agent has no work port that could give the orphan away."""
    world.all["east/Agent1"].owner = 999
    (seen,) = witness_all(world.machines, [Agent("east", "group", "Agent1", 9999, 8001, hub=True)], world.prober)
    assert not seen.owns_ports
    assert not seen.healthy


def test_a_port_that_nobody_holds_is_not_asked(world: MemoryWorld) -> None:
    """Started but not listening: no request waits for its timeout."""
    world.all["east/Agent1"].owner = 0
    world.all["east/Agent1"].health = lambda _request: pytest.fail("was asked")
    seen = look(world)
    assert seen.health.status == 0
    assert "held by nobody" in next(seen.complaints())


@pytest.mark.parametrize("state", [state for state in ServiceState if state is not ServiceState.RUNNING])
def test_any_other_state_than_running_is_a_complaint(world: MemoryWorld, state: ServiceState) -> None:
    """In the supervisor's own words."""
    world.all["east/Agent1"].state = state
    assert next(look(world).complaints()) == f"supervisor says {state.value} ({state.value.lower()})"


def test_an_agent_that_is_still_starting_is_not_asked(world: MemoryWorld) -> None:
    """It has a process and a port already; asking ten of them five times a second would slow their start."""
    world.all["east/Agent1"].state = ServiceState.STARTING
    world.all["east/Agent1"].health = lambda _request: pytest.fail("was asked")
    seen, running = witness_all(world.machines, some(world, "east/Agent1", "east/Agent2"), world.prober)
    assert running.healthy
    assert seen.environment == {"API_TOKEN": "hunter2"}
    assert next(seen.complaints()).startswith("supervisor says STARTING")


def test_an_answer_for_another_process_is_not_its_own(world: MemoryWorld) -> None:
    """The port is right and the speaker is not."""
    world.all["east/Agent1"].health = lambda _request: httpx.Response(200, json={"pid": 4711, "started": 1})
    seen = look(world)
    assert not seen.healthy
    assert list(seen.complaints()) == ["/health speaks for pid 4711, the supervised one is 101"]


def test_a_sick_answer_is_told_with_its_status(world: MemoryWorld) -> None:
    """503 is not health."""
    world.all["east/Agent1"].health = lambda _request: httpx.Response(503, json={"pid": 101, "started": 1})
    assert list(look(world).complaints()) == ["/health answers 503"]


def test_a_hub_agent_needs_no_work_port(world: MemoryWorld) -> None:
    """Its `port` belongs to the hub; another agent's work port is its own business."""
    hub, worker = (Agent("east", "group", "Agent1", 9999, 8001, hub=hub) for hub in (True, False))
    seen = [witness_all(world.machines, [agent], world.prober)[0] for agent in (hub, worker)]
    assert [each.healthy for each in seen] == [True, False]


def test_an_unknown_program_is_not_running(world: MemoryWorld) -> None:
    """The supervisor was asked and does not know it."""
    del world.east.agents["Agent1"]
    assert "does not know this program" in next(look(world).complaints())


def test_a_machine_that_does_not_answer_raises(world: MemoryWorld) -> None:
    """Nothing seen is not nothing there."""
    world.west.unreachable = True
    with pytest.raises(Unreachable):
        witness_all(world.machines, world.agents, world.prober)
