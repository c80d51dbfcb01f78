"""Eyes on the fleet and its hubs while a level runs: what ends it from outside, and how far the hubs fell behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollout.errors import SourceFault, Unreachable
from rollout.fleet import Fleet
from rollout.load.measured import Ending
from rollout.machine import Machine, side_by_side
from rollout.observe.prometheus import Sources
from rollout.observe.restarts import restarts_since


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a level has to end, in words, and the agents that are the reason."""

    ending: Ending
    reason: str
    agents: tuple[str, ...] = ()


class Watch:
    """One test's looks. since: Unix seconds from when on no agent may start; patience: seconds for which a hub may be silent."""

    def __init__(self, fleet: Fleet, machines: Mapping[str, Machine], sources: Sources, since: float, patience: float) -> None:
        self._fleet = fleet
        self._machines = machines
        self._sources = sources
        self._since = {agent.id: since for agent in fleet.agents}
        self._patience = patience
        self._silent_since: dict[str, float] = {}
        self.hub_lag: float | None = 0.0
        """Seconds by which the newest sample of the worst hub was old, at worst since begin_level; None after a hub was silent."""

    def begin_level(self) -> None:
        """Forget how far the hubs were behind before."""
        self.hub_lag = 0.0

    def look(self, now: float) -> Stop | None:
        """One look at every agent's process and every hub. now: Unix seconds."""
        return self._agents() or self._hubs(now)

    def _agents(self) -> Stop | None:
        try:
            services = side_by_side(self._machines, lambda name: self._machines[name].services.services())
            started = restarts_since(self._fleet, self._machines, self._since)
        except Unreachable as fault:
            return Stop(Ending.SOURCE, f"the agents can no longer be watched: {fault}")
        down = [a.id for a in self._fleet.agents if a.name not in services[a.machine] or not services[a.machine][a.name].runs]
        if down:
            return Stop(Ending.RESTART, f"no longer running: {', '.join(down)}", tuple(down))
        if crashed := [agent for agent, restart in started.items() if not restart.asked]:
            return Stop(Ending.RESTART, f"ended and was started again: {', '.join(sorted(crashed))}", tuple(sorted(crashed)))
        if started:
            return Stop(Ending.SOURCE, f"somebody else restarted {', '.join(sorted(started))} during the test", tuple(sorted(started)))
        return None

    def _hubs(self, now: float) -> Stop | None:
        for source in self._sources.ordered:
            try:
                age = source.age()
            except SourceFault as fault:
                self.hub_lag = None
                since = self._silent_since.setdefault(source.name, now)
                if now - since >= self._patience:
                    return Stop(Ending.SOURCE, f"{source.name} was silent for {now - since:.0f} s: {fault}")
                continue
            self._silent_since.pop(source.name, None)
            if self.hub_lag is not None:
                self.hub_lag = max(self.hub_lag, age)
        return None
