"""What can be seen of an agent without believing it: supervisor, /proc, its port; and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.fleet import Agent
from rollout.machine import Machine, side_by_side
from rollout.observe.answers import Health, Metrics
from rollout.services.port import Service, ServiceState

if TYPE_CHECKING:
    from rollout.observe.probe import Prober

MISSING = Service("", "", ServiceState.UNKNOWN, 0, "the supervisor does not know this program")


@dataclass(frozen=True, slots=True)
class Witness:
    """One agent as all witnesses saw it in one round.

    started: Unix seconds from /proc, None without a process; environment: as the process was started, None without one;
    owner: pid that listens on the health port, work_owner: on the work port (0: nobody).
    """

    agent: Agent
    service: Service
    started: float | None
    environment: Mapping[str, str] | None
    owner: int
    work_owner: int
    health: Health
    metrics: Metrics

    @property
    def running(self) -> bool:
        """Whether the supervisor says that it runs; not yet a sign of health."""
        return self.service.runs

    @property
    def owns_ports(self) -> bool:
        """Whether the supervised process itself holds the agent's ports (an orphan may hold them and answer)."""
        works = self.agent.hub or self.work_owner == self.service.pid
        return self.running and self.owner == self.service.pid and works

    @property
    def healthy(self) -> bool:
        """Running, on its own ports, answering with its own pid."""
        return self.owns_ports and self.health.status == 200 and self.health.pid == self.service.pid

    def complaints(self) -> Iterator[str]:
        """Why this agent is not healthy, one sentence a witness; nothing when it is."""
        if not self.running:
            yield f"supervisor says {self.service.state.value} ({self.service.reason})"
        elif not self.owns_ports:
            holder = f"pid {self.owner}" if self.owner else "nobody"
            yield f"port {self.agent.health_port} is held by {holder}, not by the supervised pid {self.service.pid}"
        elif self.health.status != 200:
            yield f"/health answers {self.health.status or 'nothing'}{f' ({self.health.reason})' if self.health.reason else ''}"
        elif self.health.pid != self.service.pid:
            yield f"/health speaks for pid {self.health.pid}, the supervised one is {self.service.pid}"


def witness_all(machines: Mapping[str, Machine], agents: Sequence[Agent], prober: Prober) -> list[Witness]:
    """Every agent as seen now, in the order given. Raises Unreachable when a machine or its supervisor does not answer."""
    groups = by_machine(agents)
    seen = side_by_side(groups, lambda name: _witness_machine(machines[name], groups[name], prober))
    return [witness for witnesses in seen.values() for witness in witnesses]


def by_machine(agents: Sequence[Agent]) -> dict[str, list[Agent]]:
    """The agents of each machine, both in the order given."""
    groups: dict[str, list[Agent]] = {}
    for agent in agents:
        groups.setdefault(agent.machine, []).append(agent)
    return groups


def _witness_machine(machine: Machine, agents: Sequence[Agent], prober: Prober) -> list[Witness]:
    services = machine.services.services([agent.name for agent in agents])
    # Most looks fall into the second in which a supervisor still calls its program starting: nothing is asked then that costs the machine anything.
    running = [agent for agent in agents if services.get(agent.name, MISSING).runs]
    ports = {port for agent in running for port in ([agent.health_port] if agent.hub else [agent.health_port, agent.port])}
    listeners = machine.transport.holders(ports, [services[agent.name].pid for agent in running]) if running else {}

    def look(agent: Agent) -> Witness:
        service = services.get(agent.name, MISSING)
        pid = service.pid
        owner, work_owner = listeners.get(agent.health_port, 0), listeners.get(agent.port, 0)
        answers = owner > 0
        unasked = "not asked: nothing runs there"
        return Witness(
            agent,
            service,
            machine.transport.started(pid) if pid else None,
            machine.transport.environment(pid) if pid else None,
            owner,
            work_owner,
            prober.health(machine.base(agent)) if answers else Health(0, reason=unasked),
            prober.metrics(machine.base(agent)) if answers else Metrics(0, reason=unasked),
        )

    return prober.ask_all(look, agents)
