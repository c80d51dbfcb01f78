"""Routing: each agent is scraped by its own machine's hub, and the other hub stands by with its targets (plan.md lines 126-132)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.change import BeforeEach, Reading, Snapshot
from rollout.clock import Clock, Deadline, wait_until
from rollout.errors import ActFault
from rollout.fleet import Agent
from rollout.services.hub_routes import HubRoutes, Place, Shelf, read_route, written

POLL = 0.5
"""Seconds between two looks whether the new hub scrapes an agent already; hubs read new targets every 5 s."""


@dataclass(frozen=True)
class Routing:
    """Moves agents between the hubs of a pair, the new one first: an agent leaves its old hub when the new one has scraped it."""

    name: str
    routes: HubRoutes
    clock: Clock

    def snapshot(self, agents: Sequence[Agent]) -> list[Snapshot]:
        """Which target files name the agent. No process is touched, so there is none to remember."""
        return [Snapshot(agent, written(route), "", 0, 0.0) for agent, route in self.routes.present(agents).items()]

    def describe(self, snapshot: Snapshot) -> str:
        """Where the agent goes."""
        machine = snapshot.agent.partition("/")[0]
        own = self.routes.pair.of(machine)
        return f"scraped by {own.name}, {self.routes.pair.peer(own).name} stands by"

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """Add, wait for the first scrape, remove. Raises ActFault with the agents that the new hub did not see in time; the old one keeps those."""
        before_each()
        self._move(self._wanted(agents), deadline)

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """The same way back."""
        before_each()
        self._move({snapshot.agent: read_route(snapshot.settings) for snapshot in snapshots}, deadline)

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """The files, and what the running hubs say that they scrape."""
        del since
        return self._read(self._wanted(agents))

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """The same of the state before."""
        return self._read({snapshot.agent: read_route(snapshot.settings) for snapshot in snapshots})

    def _wanted(self, agents: Sequence[Agent]) -> dict[str, Mapping[Place, bool]]:
        present = self.routes.present(agents)
        return {agent.id: self.routes.wanted(agent, metrics=self.routes.has_metrics(present[agent.id])) for agent in agents}

    def _move(self, routes: Mapping[str, Mapping[Place, bool]], deadline: Deadline) -> None:
        self.routes.change(routes, there=True)
        late: dict[str, str] = {}

        def seen() -> bool | None:
            scraped = self.routes.scraped()
            late.clear()
            for agent, route in routes.items():
                wanted = {place: there for place, there in route.items() if there}
                if reasons := list(self.routes.unseen(self.routes.pair.fleet.agent(agent), wanted, scraped)):
                    late[agent] = "; ".join(reasons)
            return None if late else True

        wait_until(seen, Deadline.after(self.clock, deadline.remaining / 2), POLL)
        self.routes.change({agent: route for agent, route in routes.items() if agent not in late}, there=False)
        if late:
            raise ActFault("; ".join(sorted(set(late.values()))[:3]), late)

    def _read(self, routes: Mapping[str, Mapping[Place, bool]]) -> list[Reading]:
        agents = [self.routes.pair.fleet.agent(agent) for agent in routes]
        present, scraped = self.routes.present(agents), self.routes.scraped()
        readings = []
        for agent in agents:
            route = routes[agent.id]
            misplaced = [
                f"{place}: {'missing' if there else 'still there'}" for place, there in route.items() if present[agent.id].get(place) is not there
            ]
            unseen = list(self.routes.unseen(agent, route, scraped))
            row: dict[str, str | float | bool | None] = {
                "agent": agent.id,
                "routed": not any(place.shelf is Shelf.TARGETS for place, there in route.items() if present[agent.id].get(place) is not there),
                "standby": not any(place.shelf is Shelf.STANDBY for place, there in route.items() if present[agent.id].get(place) is not there),
                "scraped": not unseen,
            }
            readings.append(Reading(agent.id, (*misplaced, *unseen), row))
        return readings
