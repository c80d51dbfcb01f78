"""Which agents change together and in which order; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from rollout.errors import Refused
from rollout.fleet import Agent, Fleet


@dataclass(frozen=True, slots=True)
class Batch:
    """Agents that change together. index and first count from 1; first is the number of its first agent in the whole order."""

    index: int
    first: int
    agents: tuple[Agent, ...]
    is_canary: bool = False

    @property
    def last(self) -> int:
        """The number of its last agent in the whole order."""
        return self.first + len(self.agents) - 1

    @property
    def ids(self) -> tuple[str, ...]:
        """The identities of its agents."""
        return tuple(agent.id for agent in self.agents)


@dataclass(frozen=True, slots=True)
class BatchSchedule:
    """All batches in order, and the preferences that the hard rules did not leave room for, as sentences."""

    batches: tuple[Batch, ...]
    violations: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[Agent, ...]:
        """All agents in the order of their change."""
        return tuple(agent for batch in self.batches for agent in batch.agents)


def schedule(agents: Sequence[Agent], fleet: Fleet, size: int, canary: int = 1, neighbours: int = 5) -> BatchSchedule:
    """The selected agents as a canary, batches of at most `size` and as equal as they can be, and a last batch of `size`.

    Hard rules (issue 2, section 4): the canary comes first; after the activation of every later batch but the last, each machine in it keeps at
    least `neighbours` unchanged agents, unselected ones included (the judge's controls, judge.md "Same-machine difference in differences").
    A hub is no neighbour: it serves no work, so it has neither latency nor errors to compare with. So the last agents of each machine wait for
    the last batch. Where that batch cannot hold them all, Refused says so.
    Preferences: dependents before what they depend on, optional agents first, hubs late, machines in turns. The canary is the first of that order,
    and no hub where anybody else may go first.
    """
    _refuse_impossible_input(agents, fleet, size, canary, neighbours)
    order = _dependents_first(agents, fleet)
    head, rest = order[:canary], order[canary:]
    reserve = _reserve(rest, agents, fleet, neighbours)
    if len(reserve) > size:
        held = ", ".join(f"{machine} {count}" for machine, count in sorted(Counter(agent.machine for agent in reserve).items()))
        raise Refused(
            f"a last batch of {size} cannot hold the {len(reserve)} agents that must stay unchanged until then ({held}): "
            f"take larger batches or fewer than {neighbours} neighbours",
        )
    batches: list[Batch] = []
    for group in (head, *_cut(rest, reserve, size)):
        first = batches[-1].last + 1 if batches else 1
        batches.append(Batch(len(batches) + 1, first, tuple(group), is_canary=not batches))
    return BatchSchedule(tuple(batches), tuple(_late_dependents(batches)))


def batch_count(agents: int, size: int, canary: int = 1) -> int:
    """How many batches `schedule` makes of so many agents."""
    return 1 + -(-max(agents - canary, 0) // size)


def _refuse_impossible_input(agents: Sequence[Agent], fleet: Fleet, size: int, canary: int, neighbours: int) -> None:
    if size < 1 or canary < 1 or neighbours < 0:
        raise Refused(f"batches of {size} with a canary of {canary} and {neighbours} neighbours do not exist")
    if not agents:
        raise Refused("no agent is selected")
    if twice := [identity for identity, count in Counter(agent.id for agent in agents).items() if count > 1]:
        raise Refused(f"selected twice: {', '.join(twice)}")
    for agent in agents:
        fleet.agent(agent.id)


def _dependents_first(agents: Sequence[Agent], fleet: Fleet) -> list[Agent]:
    """An order in which no selected agent comes before its selected dependents; machines take turns in proportion to their agents.

    Turns show every machine early and leave controls on all of them to the end.
    """
    selected = {agent.id: agent for agent in agents}
    waiting_for = {identity: sum(each.id in selected for each in fleet.dependents_of(identity)) for identity in selected}
    free = _FreeAgents(agents, fleet)
    for identity, agent in selected.items():
        if waiting_for[identity] == 0:
            free.add(agent)
    order: list[Agent] = []
    while (taken := free.take(canary=not order)) is not None:
        order.append(taken)
        for dependency in taken.depends_on:
            if dependency in selected:
                waiting_for[dependency] -= 1
                if waiting_for[dependency] == 0:
                    free.add(selected[dependency])
    return order


class _FreeAgents:
    """Agents that nothing selected depends on any more, by machine; each step takes logarithmic time, so that a large fleet is planned in seconds."""

    def __init__(self, agents: Sequence[Agent], fleet: Fleet) -> None:
        self._agents = fleet.agents
        self._place = {agent.id: number for number, agent in enumerate(fleet.agents)}
        self._total = Counter(agent.machine for agent in agents)
        self._taken: Counter[str] = Counter()
        self._number = {machine: number for number, machine in enumerate(fleet.machines)}
        self._waiting: dict[str, list[tuple[bool, bool, int]]] = {machine: [] for machine in fleet.machines}
        self._turns: list[tuple[float, int, str]] = []

    def add(self, agent: Agent) -> None:
        """Optional agents go first, where least is at stake; a hub works as a witness, so it goes late."""
        waiting = self._waiting[agent.machine]
        if not waiting:
            self._queue(agent.machine)
        heappush(waiting, (agent.hub, agent.required, self._place[agent.id]))

    def take(self, *, canary: bool) -> Agent | None:
        """The next agent of the machine whose turn it is; a canary from a machine that has another than a hub, which would show little."""
        if not self._turns:
            return None
        if canary:
            turn = min(self._turns, key=lambda each: (self._waiting[each[2]][0][0], each))
            self._turns.remove(turn)
            heapify(self._turns)
        else:
            turn = heappop(self._turns)
        machine = turn[2]
        agent = self._agents[heappop(self._waiting[machine])[2]]
        self._taken[machine] += 1
        if self._waiting[machine]:
            self._queue(machine)
        return agent

    def _queue(self, machine: str) -> None:
        """Before machines of whose agents a larger share would be taken with their next one."""
        heappush(self._turns, ((self._taken[machine] + 1) / self._total[machine], self._number[machine], machine))


def _reserve(rest: Sequence[Agent], agents: Sequence[Agent], fleet: Fleet, neighbours: int) -> list[Agent]:
    """The agents that must wait for the last batch: per machine its last ones, as many as its unselected agents leave short of `neighbours`.

    A machine that cannot keep so many waits as a whole.
    """
    selected = {agent.id for agent in agents}
    unselected = Counter(agent.machine for agent in fleet.agents if agent.id not in selected and not agent.hub)
    short = {machine: max(0, neighbours - unselected[machine]) for machine in fleet.machines}
    waiting: set[str] = set()
    for agent in reversed(rest):
        if short[agent.machine] > 0 and not agent.hub:
            short[agent.machine] -= 1
            waiting.add(agent.id)
    return [agent for agent in rest if agent.id in waiting or short[agent.machine] > 0]


def _cut(rest: Sequence[Agent], reserve: Sequence[Agent], size: int) -> Iterator[list[Agent]]:
    """Batches as equal as they can be, then the last: the reserve filled up to `size` with the latest of the others.

    Equal, because a small one is the weakest judged: agents buy precision (judge.md, "Before the start: power").
    """
    waiting = {agent.id for agent in reserve}
    others = [agent for agent in rest if agent.id not in waiting]
    early = others[: max(0, len(others) - (size - len(reserve)))]
    begun = 0
    for left in range(-(-len(early) // size), 0, -1):
        count = -(-(len(early) - begun) // left)
        yield early[begun : begun + count]
        begun += count
    done = {agent.id for agent in early}
    if late := [agent for agent in rest if agent.id not in done]:
        yield late


def _late_dependents(batches: Sequence[Batch]) -> Iterator[str]:
    """A sentence for each agent that changes in a later batch than something it depends on."""
    batch_of = {agent.id: batch.index for batch in batches for agent in batch.agents}
    for batch in batches:
        for agent in batch.agents:
            for dependency in agent.depends_on:
                if batch_of.get(dependency, batch.index) < batch.index:
                    yield f"{agent.id} (batch {batch.index}) depends on {dependency} (batch {batch_of[dependency]})"
