"""Whom two hubs scrape for the agents' own metrics: as their routes say once they are a pair, at the single hub before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rollout.errors import SourceFault
from rollout.fleet import Agent
from rollout.services.hub_routes import OWN_METRICS, HubRoutes, Shelf
from rollout.services.hub_targets import HubTargets


class PairTargets:
    """Chooses anew at each call: whether there are two hubs is seen, not remembered."""

    def __init__(self, single: HubTargets, routes: HubRoutes) -> None:
        self._single = single
        self._routes = routes

    def add(self, agents: Sequence[Agent]) -> None:
        """At the hub of each agent's machine, with the other one standing by."""
        if not self._routes.pair.in_force:
            self._single.add(agents)
            return
        wanted = {agent.id: self._routes.wanted(agent, metrics=True) for agent in agents}
        own = {agent: {place: there for place, there in route.items() if place.job == OWN_METRICS} for agent, route in wanted.items()}
        self._routes.change(own, there=True)

    def remove(self, agents: Iterable[str]) -> None:
        """From both, wherever they stand."""
        if not self._routes.pair.in_force:
            self._single.remove(agents)
            return
        gone = [self._routes.pair.fleet.agent(agent) for agent in agents]
        nowhere = {agent.id: {place: False for place in self._routes.wanted(agent, metrics=True) if place.job == OWN_METRICS} for agent in gone}
        self._routes.change(nowhere, there=False)

    def written(self) -> frozenset[str]:
        """Those that either hub is to scrape."""
        if not self._routes.pair.in_force:
            return self._single.written()
        present = self._routes.present(self._routes.pair.fleet.agents)
        places = {agent: [place for place, there in route.items() if there] for agent, route in present.items()}
        return frozenset(agent for agent, own in places.items() if any(p.job == OWN_METRICS and p.shelf is Shelf.TARGETS for p in own))

    def active(self) -> Mapping[str, bool]:
        """As either hub sees it, of its own or taken over; one that is silent says nothing, both silent raise SourceFault."""
        if not self._routes.pair.in_force:
            return self._single.active()
        scraped = self._routes.scraped(for_the_peer=True)
        if not scraped:
            raise SourceFault("neither hub tells its targets")
        found: dict[str, bool] = {}
        for (_, job, key), up in scraped.items():
            if job == OWN_METRICS:
                found[key] = found.get(key, False) or up is True
        return found
