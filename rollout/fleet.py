"""The fleet: which agents there are, on which machine, on which ports, and who depends on whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from rollout.document import Document, read_yaml, validated
from rollout.errors import InputError, Refused
from rollout.freeze import Freeze

# Names become file names, supervisor programs and label values inside PromQL regular expressions: one alphabet is safe in all three.
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Flag = Annotated[bool, Field(strict=True)]


@dataclass(frozen=True, slots=True)
class Agent:
    """One supervised process. port serves its work (a hub's port is the hub's own), health_port serves /health and /metrics."""

    machine: str
    group: str
    name: str
    port: int
    health_port: int
    required: bool = True
    hub: bool = False
    optimised: bool = False
    depends_on: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The identity machine/name: both machines may have an agent of one name."""
        return f"{self.machine}/{self.name}"

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its own metrics wherever a hub scrapes them; what changes during a rollout is no label (docs/decisions/0074)."""
        return {"machine": self.machine, "agent": self.name, "group": self.group, "tier": "required" if self.required else "optional"}


class Selector(Document):
    """Which agents of a fleet; every field given narrows the choice, `all` stands alone.

    groups, names: plain, on whatever machine has them; agents: identities machine/name; optimised: only those marked so, or only the others.
    """

    all: bool = False
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    optimised: bool | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Selector:
        narrowed = bool(self.machines or self.groups or self.names or self.agents) or self.optimised is not None
        if self.all == narrowed:
            raise ValueError("either all: true alone, or at least one of machines, groups, names, agents, optimised")
        return self

    def matches(self, agent: Agent) -> bool:
        """Whether each field given holds for the agent."""
        return (
            (not self.machines or agent.machine in self.machines)
            and (not self.groups or agent.group in self.groups)
            and (not self.names or agent.name in self.names)
            and (not self.agents or agent.id in self.agents)
            and (self.optimised is None or agent.optimised is self.optimised)
        )


@dataclass(frozen=True)
class Fleet:
    """All agents in the order of their file; checked by `load_fleet`."""

    name: str
    agents: tuple[Agent, ...]
    freezes: tuple[Freeze, ...] = ()

    def __len__(self) -> int:
        """The number of agents."""
        return len(self.agents)

    @cached_property
    def machines(self) -> tuple[str, ...]:
        """The machines in file order."""
        return tuple(dict.fromkeys(agent.machine for agent in self.agents))

    @cached_property
    def by_id(self) -> dict[str, Agent]:
        """Every agent under its identity."""
        return {agent.id: agent for agent in self.agents}

    @cached_property
    def _dependents(self) -> dict[str, tuple[Agent, ...]]:
        dependents: defaultdict[str, list[Agent]] = defaultdict(list)
        for agent in self.agents:
            for dependency in agent.depends_on:
                dependents[dependency].append(agent)
        return {identity: tuple(agents) for identity, agents in dependents.items()}

    def agent(self, identity: str) -> Agent:
        """The agent of that identity; an unknown one raises Refused."""
        if identity not in self.by_id:
            raise Refused(f"fleet {self.name} has no agent {identity}")
        return self.by_id[identity]

    def on(self, machine: str) -> tuple[Agent, ...]:
        """The agents of one machine, in file order."""
        return tuple(agent for agent in self.agents if agent.machine == machine)

    def dependents_of(self, identity: str) -> tuple[Agent, ...]:
        """The agents that name this one in depends_on, in file order."""
        return self._dependents.get(identity, ())

    def select(self, selector: Selector) -> tuple[Agent, ...]:
        """The selected agents in file order; names that the fleet does not have, and an empty choice, raise Refused."""
        known = {
            "machine": (selector.machines, {agent.machine for agent in self.agents}),
            "group": (selector.groups, {agent.group for agent in self.agents}),
            "name": (selector.names, {agent.name for agent in self.agents}),
            "agent": (selector.agents, set(self.by_id)),
        }
        for what, (asked, present) in known.items():
            if unknown := [each for each in asked if each not in present]:
                raise Refused(f"the selector asks for a {what} that fleet {self.name} does not have: {', '.join(unknown)}")
        chosen = tuple(agent for agent in self.agents if selector.all or selector.matches(agent))
        if not chosen:
            raise Refused(f"the selector chooses no agent of fleet {self.name}")
        return chosen


class AgentEntry(Document):
    """An agent as it stands in a fleet file; depends_on takes plain names (same machine) and machine/Name."""

    port: Port
    health_port: Port
    required: Flag = True
    hub: Flag = False
    optimised: Flag = False
    depends_on: tuple[str, ...] = ()


class FleetFile(Document):
    """A fleet file: machine -> group -> agent name -> entry."""

    fleet: Name
    machines: dict[Name, dict[Name, dict[Name, AgentEntry]]]
    freezes: tuple[Freeze, ...] = ()


def load_fleet(file: Path) -> Fleet:
    """The fleet of a file; InputError names the key that is wrong."""
    return fleet_of(read_yaml(file), file)


def fleet_of(content: Any, file: Path) -> Fleet:  # noqa: ANN401 (YAML is untyped until a Document validates it)
    """The fleet in the content of a fleet file; `file` stands in the errors only."""
    document = validated(FleetFile, content, file)
    agents = [
        _agent(machine, group, name, entry)
        for machine, groups in document.machines.items()
        for group, entries in groups.items()
        for name, entry in entries.items()
    ]
    if not agents:
        raise InputError(file, "machines", "the fleet has no agents")
    for machine in document.machines:
        if not any(agent.machine == machine for agent in agents):
            raise InputError(file, f"machines.{machine}", "the machine has no agents")
    _refuse_duplicates(agents, file)
    _refuse_port_clashes(agents, file)
    _refuse_unknown_dependencies(agents, file)
    _refuse_cycles(agents, file)
    return Fleet(document.fleet, tuple(agents), document.freezes)


def _agent(machine: str, group: str, name: str, entry: AgentEntry) -> Agent:
    """The agent with its dependencies as full identities."""
    depends_on = tuple(each if "/" in each else f"{machine}/{each}" for each in entry.depends_on)
    return Agent(machine, group, name, entry.port, entry.health_port, entry.required, entry.hub, entry.optimised, depends_on)


def _key(agent: Agent, field: str = "") -> str:
    """Where the agent stands in its file."""
    return ".".join(part for part in ("machines", agent.machine, agent.group, agent.name, field) if part)


def _refuse_duplicates(agents: Iterable[Agent], file: Path) -> None:
    seen: dict[str, Agent] = {}
    for agent in agents:
        if agent.id in seen:
            raise InputError(file, _key(agent), f"{agent.id} stands in group {seen[agent.id].group} already")
        seen[agent.id] = agent


def _refuse_port_clashes(agents: Iterable[Agent], file: Path) -> None:
    owners: dict[tuple[str, int], Agent] = {}
    for agent in agents:
        for field, port in (("port", agent.port), ("health_port", agent.health_port)):
            if (agent.machine, port) in owners:
                raise InputError(file, _key(agent, field), f"port {port} of {agent.machine} is taken by {owners[agent.machine, port].id}")
            owners[agent.machine, port] = agent


def _refuse_unknown_dependencies(agents: list[Agent], file: Path) -> None:
    known = {agent.id for agent in agents}
    for agent in agents:
        if unknown := [each for each in agent.depends_on if each not in known]:
            raise InputError(file, _key(agent, "depends_on"), f"unknown agents: {', '.join(unknown)}")
        if len(set(agent.depends_on)) != len(agent.depends_on):
            raise InputError(file, _key(agent, "depends_on"), "names an agent twice")


def _refuse_cycles(agents: Iterable[Agent], file: Path) -> None:
    graph = {agent.id: agent for agent in agents}
    try:
        TopologicalSorter({identity: agent.depends_on for identity, agent in graph.items()}).prepare()
    except CycleError as error:
        cycle = list(reversed(error.args[1]))  # graphlib lists a dependency before its dependent
        raise InputError(file, _key(graph[cycle[0]], "depends_on"), f"cycle: {' -> '.join(cycle)}") from error
