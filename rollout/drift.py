"""Whether agents that a run does not touch stay what they were: their configuration and their process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rollout.fleet import Fleet
from rollout.machine import Machine, side_by_side
from rollout.services.port import Service


@dataclass(frozen=True)
class Bystanders:
    """Every agent's pid when the watch began, by identity; compared with the present before each batch."""

    fleet: Fleet
    machines: Mapping[str, Machine]
    pids: Mapping[str, int]

    @classmethod
    def watch(cls, fleet: Fleet, machines: Mapping[str, Machine]) -> Bystanders:
        """Begin to watch. Raises Unreachable."""
        return cls(fleet, machines, _pids(fleet, side_by_side(machines, lambda name: machines[name].services.services())))

    def drifted(self, touched: Iterable[str]) -> dict[str, str]:
        """Agents outside `touched` that are not what they were, with the reason. Raises Unreachable, ActFault."""
        ours = set(touched)
        reasons: dict[str, str] = {}
        seen = side_by_side(self.machines, lambda name: (self.machines[name].services.pending(), self.machines[name].services.services()))
        for name, (pending, _) in seen.items():
            for kind, names in (("added", pending.added), ("changed", pending.changed), ("removed", pending.removed)):
                reasons |= {f"{name}/{each}": f"its configuration was {kind} by somebody else" for each in names}
        known = {f"{name}/{each}" for name, (_, services) in seen.items() for each in services}
        for agent, pid in _pids(self.fleet, {name: services for name, (_, services) in seen.items()}).items():
            if pid != self.pids[agent]:
                reasons.setdefault(agent, self._other_process(agent, pid, known=agent in known))
        return {agent: reason for agent, reason in reasons.items() if agent not in ours}

    def _other_process(self, agent: str, pid: int, *, known: bool) -> str:
        """What became of the process of before. known: whether its supervisor still has such a program."""
        before = self.pids[agent]
        if pid:
            return f"restarted by somebody else (pid {before} before, {pid} now)"
        return f"it does not run any more (pid {before} before)" if known else f"it is gone from its supervisor (pid {before} before)"


def _pids(fleet: Fleet, services: Mapping[str, Mapping[str, Service]]) -> dict[str, int]:
    """The supervised pid of each agent, 0 where there is none. services: by machine and name."""
    return {agent.id: services[agent.machine][agent.name].pid if agent.name in services[agent.machine] else 0 for agent in fleet.agents}
