"""The batch schedule: every agent once, the hard rules always, preferences where there is room, refusal where there is none."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rollout.batches import BatchSchedule, batch_count, schedule
from rollout.errors import Refused
from rollout.fleet import Agent, Fleet, Selector, load_fleet

FLEETS = Path(__file__).parents[2] / "fleets"
WEEK3 = load_fleet(FLEETS / "week3.yaml")


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """Fleets of one to three machines and up to forty agents; each may depend on any earlier one, also across machines."""
    machines = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
    agents: list[Agent] = []
    for number, machine in enumerate(machines):
        earlier = [agent.id for agent in agents]
        depends_on = tuple(draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3))) if earlier else ()
        required, hub = draw(st.booleans()), draw(st.booleans())
        agents.append(Agent(machine, "g", f"N{number}", 1, 2, required=required, hub=hub, depends_on=depends_on))
    return Fleet("drawn", tuple(agents))


def unchanged_after(fleet: Fleet, made: BatchSchedule, index: int, machine: str) -> int:
    """Agents of the machine that serve work and that no batch up to that index has touched."""
    changed = {agent.id for batch in made.batches[:index] for agent in batch.agents}
    return sum(agent.machine == machine and not agent.hub and agent.id not in changed for agent in fleet.agents)


@given(fleet=fleets(), data=st.data(), size=st.integers(1, 12), canary=st.integers(1, 3), neighbours=st.integers(0, 6))
def test_hard_rules_hold_for_every_fleet(fleet: Fleet, data: st.DataObject, size: int, canary: int, neighbours: int) -> None:
    """Every selected agent once, canary first, no batch above size, enough neighbours until the last batch; else it is refused."""
    agents = data.draw(st.lists(st.sampled_from(fleet.agents), unique=True, min_size=1))
    try:
        made = schedule(agents, fleet, size, canary, neighbours)
    except Refused:
        assume(False)
    assert Counter(agent.id for agent in made.order) == Counter(agent.id for agent in agents)
    head, *rest = made.batches
    assert head.is_canary
    assert not any(batch.is_canary for batch in rest)
    assert len(head.agents) == min(canary, len(agents))
    assert all(1 <= len(batch.agents) <= size for batch in rest)
    assert len(made.batches) == batch_count(len(agents), size, canary)
    sizes = [len(batch.agents) for batch in rest]
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    assert max(sizes[:-1], default=0) - min(sizes[:-1], default=0) <= 1
    for batch in rest[:-1]:
        for machine in {agent.machine for agent in batch.agents}:
            assert unchanged_after(fleet, made, batch.index, machine) >= neighbours
    assert [batch.index for batch in made.batches] == list(range(1, len(made.batches) + 1))
    assert all(after.first == before.last + 1 for before, after in pairwise(made.batches))


@given(fleet=fleets(), size=st.integers(1, 12))
def test_violations_are_exactly_the_late_dependents(fleet: Fleet, size: int) -> None:
    """Without neighbours nothing stands in the way of dependents first, and no violation is invented."""
    made = schedule(fleet.agents, fleet, size, neighbours=0)
    place = {agent.id: number for number, agent in enumerate(made.order)}
    assert made.violations == ()
    assert all(place[agent.id] < place[dependency] for agent in fleet.agents for dependency in agent.depends_on)


@given(fleet=fleets(), size=st.integers(1, 12), neighbours=st.integers(0, 6), data=st.data())
def test_the_order_of_the_selection_does_not_matter(fleet: Fleet, size: int, neighbours: int, data: st.DataObject) -> None:
    """The schedule is a function of the set selected: a second preview shows the same batches."""
    shuffled = data.draw(st.permutations(fleet.agents))
    try:
        made = schedule(fleet.agents, fleet, size, neighbours=neighbours)
    except Refused:
        assume(False)
    assert schedule(shuffled, fleet, size, neighbours=neighbours) == made


def test_week3_in_batches_of_ten() -> None:
    """Canary, three of ten, four of nine, ten: no batch is much smaller, and so worse judged, than another; the reserve is five of each machine.

    PC2's reserve holds a dependent of its hub, which is no neighbour and so goes earlier; that is the only preference without room.
    """
    made = schedule(WEEK3.agents, WEEK3, 10)
    assert [len(batch.agents) for batch in made.batches] == [1, 10, 10, 10, 9, 9, 9, 9, 10]
    assert (made.batches[2].first, made.batches[2].last) == (12, 21)
    assert Counter(agent.machine for agent in made.batches[-1].agents) == {"mainpc": 5, "pc2": 5}
    assert "mainpc/SystemDigitalTwin" in made.batches[-1].ids
    assert made.violations == ("pc2/ResourceManager (batch 9) depends on pc2/ObservabilityHub (batch 8)",)


def test_a_hub_is_no_canary_where_somebody_else_may_go_first() -> None:
    """Of six agents whose first machine has nothing free but its hub, the canary is the other machine's: it serves work, so it can be judged."""
    pair = load_fleet(FLEETS / "pair.yaml")
    (canary,) = schedule(pair.agents, pair, 2, neighbours=0).batches[0].agents
    assert canary.id == "pc2/CacheManager"
    hubs = [agent for agent in pair.agents if agent.hub]
    assert schedule(hubs, pair, 2, neighbours=0).batches[0].agents[0].hub


def test_week3_canary_is_optional_and_nothing_depends_on_it() -> None:
    """The first agent to change is one that the fleet can do without."""
    (canary,) = schedule(WEEK3.agents, WEEK3, 10).batches[0].agents
    assert not canary.required
    assert not canary.hub
    assert WEEK3.dependents_of(canary.id) == ()


def test_a_hub_goes_after_everyone_who_is_free_to_go() -> None:
    """Even an optional hub waits: what witnesses the rollout changes late."""
    agents = (Agent("a", "g", "Hub", 1, 2, required=False, hub=True), Agent("a", "g", "X", 3, 4), Agent("a", "g", "Y", 5, 6, required=False))
    made = schedule(agents, Fleet("f", agents), size=1, neighbours=0)
    assert [agent.name for agent in made.order] == ["Y", "X", "Hub"]


def test_machines_take_turns() -> None:
    """A fault that only one machine shows is met in the first batches, not after the other machine is done."""
    assert {agent.machine for agent in schedule(WEEK3.agents, WEEK3, 10).batches[1].agents} == {"mainpc", "pc2"}


def test_unselected_agents_of_the_machine_are_neighbours() -> None:
    """Where others stay unchanged anyway nobody has to wait for the last batch."""
    few = WEEK3.select(Selector(groups=("core_services",)))
    made = schedule(few, WEEK3, 2)
    assert [len(batch.agents) for batch in made.batches] == [1, 2, 1, 2]


def test_a_preference_that_gives_way_is_named() -> None:
    """A dependent held back as a neighbour changes after what it depends on, and the schedule says which."""
    agents = (
        Agent("a", "g", "Caller", 1, 2, depends_on=("b/Called",)),
        *(Agent("a", "g", f"A{number}", 1, 2) for number in range(2)),
        Agent("b", "g", "Called", 1, 2),
        *(Agent("b", "g", f"B{number}", 1, 2) for number in range(8)),
    )
    made = schedule(agents, Fleet("f", agents), size=6, neighbours=3)
    assert made.violations == ("a/Caller (batch 3) depends on b/Called (batch 2)",)


@given(fleet=fleets(), size=st.integers(1, 12), neighbours=st.integers(0, 6))
def test_a_last_batch_with_room_is_never_refused(fleet: Fleet, size: int, neighbours: int) -> None:
    """Refusal is for the impossible: where `neighbours` of each machine fit the last batch, or all of one that has no more, there is a schedule."""
    machines = Counter(agent.machine for agent in fleet.agents)
    workers = Counter(agent.machine for agent in fleet.agents if not agent.hub)
    assume(sum(neighbours if workers[machine] > neighbours else count for machine, count in machines.items()) <= size)
    assert schedule(fleet.agents, fleet, size, neighbours=neighbours).batches


def test_hard_rules_that_cannot_hold_are_refused_with_the_numbers() -> None:
    """Five neighbours on two machines do not fit into a last batch of five."""
    with pytest.raises(Refused, match=r"last batch of 5 cannot hold the 10 agents .*mainpc 5, pc2 5"):
        schedule(WEEK3.agents, WEEK3, 5)


@pytest.mark.parametrize(("size", "canary", "neighbours"), [(0, 1, 5), (10, 0, 5), (10, 1, -1)])
def test_numbers_without_meaning_are_refused(size: int, canary: int, neighbours: int) -> None:
    """No batch is empty and a canary always goes first."""
    with pytest.raises(Refused, match="do not exist"):
        schedule(WEEK3.agents, WEEK3, size, canary, neighbours)


def test_selections_without_meaning_are_refused() -> None:
    """Nobody, somebody twice, and somebody of another fleet."""
    one = WEEK3.agents[0]
    with pytest.raises(Refused, match="no agent"):
        schedule([], WEEK3, 10)
    with pytest.raises(Refused, match="selected twice: mainpc/ServiceRegistry"):
        schedule([one, one], WEEK3, 10)
    with pytest.raises(Refused, match="x/Stranger"):
        schedule([Agent("x", "g", "Stranger", 1, 2)], WEEK3, 10)
