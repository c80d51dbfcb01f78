"""The contract of requests: recorded before a change, replayed after it, equal or not."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import httpx
import pytest

from rollout.observe.contract import Contract, record_contract, replay_contract
from tests.fakes.machine import MemoryWorld

PATHS = tuple(f"/work?x={number}" for number in range(1, 5))


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents that answer the same to the same."""
    return MemoryWorld()


def record(world: MemoryWorld) -> Contract:
    """Of all agents."""
    return record_contract(world.machines, world.agents, world.prober, PATHS)


def different(world: MemoryWorld, contract: Contract) -> dict[str, int]:
    """How many answers of each agent differ now."""
    frame = replay_contract(world.machines, world.agents, world.prober, contract)
    assert set(frame["asked"]) == {4}
    return dict(zip(frame["agent"], frame["different"], strict=True))


def test_the_same_answers_are_no_difference(world: MemoryWorld) -> None:
    """Whatever the order of an object's keys."""
    contract = record(world)
    assert set(different(world, contract).values()) == {0}
    world.all["east/Agent0"].work = lambda request: httpx.Response(200, text=f'{{ "answer":{2 * int(request.url.params["x"])} }}')
    assert set(different(world, contract).values()) == {0}


@pytest.mark.parametrize(
    "broken",
    [
        lambda _: httpx.Response(200, json={"answer": 3}),
        lambda request: httpx.Response(500, json={"answer": 2 * int(request.url.params["x"])}),
        lambda _: httpx.Response(200, text="<html>"),
    ],
    ids=["another answer", "another status", "no JSON"],
)
def test_an_agent_that_answers_otherwise_is_counted(world: MemoryWorld, broken: object) -> None:
    """Each answer that is not what it was, and nobody else's."""
    contract = record(world)
    world.all["west/Agent5"].work = broken
    found = different(world, contract)
    assert found.pop("west/Agent5") == 4
    assert set(found.values()) == {0}


def test_an_answer_that_does_not_come_is_a_difference_one_that_comes_late_is_none(world: MemoryWorld) -> None:
    """A connection that breaks once is tried again; one that never answers has lost its answers."""
    contract, tries = record(world), count()

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    def once(request: httpx.Request) -> httpx.Response:
        if next(tries) == 0:
            raise httpx.ReadError("cut", request=request)
        return httpx.Response(200, json={"answer": 2 * int(request.url.params["x"])})

    world.all["east/Agent1"].work, world.all["east/Agent2"].work = refuse, once
    found = different(world, contract)
    assert (found["east/Agent1"], found["east/Agent2"]) == (4, 0)


def test_what_differs_by_itself_or_fails_is_held_against_nobody(world: MemoryWorld) -> None:
    """An agent whose answers change from one to the next, or that answers errors, or a hub's, has no contract."""
    numbers = count()
    world.all["east/Agent0"].work = lambda _: httpx.Response(200, json={"answer": next(numbers)})
    world.all["east/Agent1"].work = lambda _: httpx.Response(500)
    agents = [replace(agent, hub=agent.id == "west/Agent4") for agent in world.agents]
    contract = record_contract(world.machines, agents, world.prober, PATHS)
    assert contract.agents == {"east/Agent2", "east/Agent3", "west/Agent5"}
    assert contract.paths("east/Agent2") == PATHS
