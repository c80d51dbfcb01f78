"""Which hub scrapes which agent: the target files of a pair, edited per agent and read back from the running hubs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rollout.errors import ActFault, SourceFault
from rollout.fleet import Agent
from rollout.hub import Hub, HubPair
from rollout.services.hub_files import JOBS, Targets, entries_of, targets_of, targets_text

OWN_METRICS = "agents"
"""The job of the agents' own /metrics; an agent stands in it only while its metrics are on."""


class Shelf(Enum):
    """Where a hub's machine keeps targets: those that its hub scrapes, and those of the peer that it would take over."""

    TARGETS = "targets"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class Place:
    """One target file of a pair."""

    hub: str
    shelf: Shelf
    job: str

    def __str__(self) -> str:
        """As it stands in a snapshot."""
        return f"{self.hub} {self.shelf.value} {self.job}"


Route = Mapping[Place, bool]
"""Where one agent's targets stand (True) or do not."""


class HubRoutes:
    """The target files of both hubs."""

    def __init__(self, pair: HubPair) -> None:
        self.pair = pair

    def present(self, agents: Sequence[Agent]) -> dict[str, dict[Place, bool]]:
        """Each agent's places as the files have them now. Raises Unreachable."""
        files = {place: self._read(place) for place in self._places()}
        return {agent.id: {place: self._keys(agent, place) <= files[place].keys() for place in self._of(agent)} for agent in agents}

    def wanted(self, agent: Agent, *, metrics: bool) -> dict[Place, bool]:
        """An agent of a pair: its own machine's hub scrapes it, the other one stands by. metrics: whether its own are on."""
        own = self.pair.of(agent.machine)
        return {
            place: (place.hub == own.name) is (place.shelf is Shelf.TARGETS) and (metrics or place.job != OWN_METRICS) for place in self._of(agent)
        }

    def single(self, agent: Agent, *, metrics: bool) -> dict[Place, bool]:
        """An agent of a single hub: the first one scrapes it, nobody stands by."""
        first = self.pair.hubs[0].name
        return {place: place.hub == first and place.shelf is Shelf.TARGETS and (metrics or place.job != OWN_METRICS) for place in self._of(agent)}

    def has_metrics(self, route: Route) -> bool:
        """Whether some hub scrapes the agent's own metrics."""
        return any(there for place, there in route.items() if place.job == OWN_METRICS and place.shelf is Shelf.TARGETS)

    def change(self, routes: Mapping[str, Route], *, there: bool) -> None:
        """Add what the routes have (there), or remove what they have not, file by file; what is so already stays to the letter."""
        agents = {identity: self.pair.fleet.agent(identity) for identity in routes}
        for place in self._places():
            concerned = [agent for identity, agent in agents.items() if routes[identity].get(place) is there]
            if not concerned:
                continue
            before = self._read(place)
            if there:
                after = before | {key: entry for agent in concerned for key, entry in entries_of(agent, self.pair).get(place.job, {}).items()}
            else:
                gone = {key for agent in concerned for key in self._keys(agent, place)}
                after = {key: entry for key, entry in before.items() if key not in gone}
            if after != before:
                self._hub(place).machine.transport.replace(self._file(place), targets_text(after))

    def scraped(self, *, for_the_peer: bool = False) -> dict[tuple[str, str, str], bool | None]:
        """What the running hubs scrape: (hub, job, key) to whether the last scrape succeeded, None before the first. A silent hub is missing.

        What a hub has taken over is no route: it scrapes that as well while its watchdog doubts the peer, and gives it back by itself. for_the_peer
        counts that too, for who asks whether an agent is scraped at all.
        """
        found: dict[tuple[str, str, str], bool | None] = {}
        for hub in self.pair.hubs:
            try:
                told = hub.client.targets()
            except SourceFault:
                continue  # who expects something of it finds nothing; nobody expects a dead hub to scrape
            own = [target for target in told if for_the_peer or not target.file.startswith(f"{hub.takeover}/")]
            found |= {(hub.name, target.job, target.key): target.up for target in own}
        return found

    def unseen(self, agent: Agent, route: Route, scraped: Mapping[tuple[str, str, str], bool | None]) -> Iterator[str]:
        """Targets that a hub should scrape and does not, or scraped badly, or should not scrape and does."""
        for place, there in route.items():
            if place.shelf is not Shelf.TARGETS:
                continue
            for key in self._keys(agent, place):
                state = scraped.get((place.hub, place.job, key), "absent")
                if there and state is not True:
                    yield f"hub {place.hub} does not see {place.job} of {key} up"
                elif not there and state != "absent":
                    yield f"hub {place.hub} still scrapes {place.job} of {key}"

    def _of(self, agent: Agent) -> list[Place]:
        jobs = entries_of(agent, self.pair)
        return [place for place in self._places() if place.job in jobs]

    def _places(self) -> list[Place]:
        return [Place(hub.name, shelf, job) for hub in self.pair.hubs for shelf in Shelf for job in JOBS]

    def _keys(self, agent: Agent, place: Place) -> set[str]:
        return set(entries_of(agent, self.pair)[place.job])

    def _hub(self, place: Place) -> Hub:
        return next(hub for hub in self.pair.hubs if hub.name == place.hub)

    def _file(self, place: Place) -> Path:
        hub = self._hub(place)
        return (hub.access.targets if place.shelf is Shelf.TARGETS else hub.standby) / f"{place.job}.json"

    def _read(self, place: Place) -> Targets:
        file = self._file(place)
        try:
            return targets_of(self._hub(place).machine.transport.read(file))
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError) as error:
            raise ActFault(f"{file} of hub {place.hub} holds no targets with labels ({error!r})", ()) from error


def written(routes: Mapping[Place, bool]) -> dict[str, str | None]:
    """A route as a snapshot keeps it."""
    return {str(place): "there" if there else None for place, there in routes.items()}


def read_route(settings: Mapping[str, str | None]) -> dict[Place, bool]:
    """The route that a snapshot keeps."""
    return {Place(hub, Shelf(shelf), job): value is not None for text, value in settings.items() for hub, shelf, job in [text.split(" ")]}
