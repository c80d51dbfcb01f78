"""Two hubs that back each other: where each stands, what it keeps on its machine, and whether the pair exists already."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rollout.alerting.contacts import AlertingAccess
from rollout.fleet import Agent, Fleet
from rollout.machine import Machine
from rollout.services.hub_client import HubClient
from rollout.site_file import HubAccess, HubService, PairAccess
from rollout.transports.port import Transport

CONFIGURATION = "prometheus.yaml"


def configured(service: HubService, transport: Transport) -> bool:
    """Whether the hub's machine holds the configuration of a pair, whatever runs."""
    return CONFIGURATION in {file.name for file in transport.files(service.folder)}


@dataclass(frozen=True)
class Hub:
    """One hub of a pair. agent: the fleet's hub agent of its machine, under whose name the hub stands in ledgers and reports."""

    access: HubAccess
    service: HubService
    agent: Agent
    machine: Machine
    client: HubClient

    @property
    def name(self) -> str:
        """The hub's name: the value of `scraped_by` on all that it scrapes itself."""
        return self.access.name

    @property
    def configuration(self) -> Path:
        """Its Prometheus configuration."""
        return self.service.folder / CONFIGURATION

    @property
    def web(self) -> Path:
        """Its web configuration: who may ask."""
        return self.service.folder / "web.yaml"

    @property
    def password(self) -> Path:
        """The password with which it writes to its peer."""
        return self.service.folder / "password"

    @property
    def standby(self) -> Path:
        """The peer's targets, on this machine so that they survive the peer's death."""
        return self.service.folder / "standby"

    @property
    def takeover(self) -> Path:
        """The peer's targets that this hub scrapes at present; the watchdog's."""
        return self.service.folder / "takeover"

    @property
    def deployed(self) -> bool:
        """See configured."""
        return configured(self.service, self.machine.transport)


@dataclass(frozen=True)
class HubPair:
    """Both hubs, the first being the one that stays when the pair is dissolved. username, password: what both ask for once they are a pair.

    alerting: whom hubs with rules tell of alerts; None where nobody is told.
    """

    fleet: Fleet
    hubs: tuple[Hub, Hub]
    access: PairAccess
    scrape_interval: float
    username: str
    password: str
    alerting: AlertingAccess | None = None

    @property
    def in_force(self) -> bool:
        """Whether both hubs are configured as a pair; read from their machines each time."""
        return all(hub.deployed for hub in self.hubs)

    @cached_property
    def by_agent(self) -> dict[str, Hub]:
        """The hubs by the identity of their agents."""
        return {hub.agent.id: hub for hub in self.hubs}

    def of(self, machine: str) -> Hub:
        """The hub of that machine."""
        return next(hub for hub in self.hubs if hub.machine.name == machine)

    def peer(self, hub: Hub) -> Hub:
        """The other one."""
        return self.hubs[1] if hub is self.hubs[0] else self.hubs[0]

    def address(self, machine: str) -> str:
        """Where that machine's agents and exporters listen."""
        return self.of(machine).machine.address
