"""The composition root: a site's file becomes machines, sources and changes that can act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx

from rollout.alerting.deployment import AlertingDeployment
from rollout.change import Change
from rollout.changes.feature import Feature
from rollout.changes.flag import Flag
from rollout.changes.hubs import HubService
from rollout.changes.kinds import SWITCHES, wanted_settings
from rollout.changes.metrics import MetricsActivation
from rollout.changes.outage import HubOutage
from rollout.changes.routing import Routing
from rollout.clock import Clock, SystemClock
from rollout.errors import Refused
from rollout.fleet import Fleet
from rollout.hub import Hub, HubPair
from rollout.limit import InTimeTransport
from rollout.machine import Machine
from rollout.machines import machines_of, secrets_of
from rollout.observe.probe import Prober
from rollout.observe.prometheus import Sources
from rollout.plan import ChangeKind, Deadlines
from rollout.services.alertmanager import Alertmanager, Alerts
from rollout.services.hub_client import HubClient
from rollout.services.hub_routes import HubRoutes
from rollout.services.hub_rules import HubRules
from rollout.services.hub_targets import HubTargets, Targets
from rollout.services.pair_targets import PairTargets
from rollout.site_file import HubAccess, SiteFile, load_site_file
from rollout.site_sources import sources_asked

PROMTOOL = 20.0
"""Seconds for promtool's answer, which takes a tenth of one."""
NOTHING_SET: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Site:
    """One place where a fleet runs. state: folder for ledgers, claims and reports; scrape_interval: seconds; cores: by machine.

    alerting: None where nobody is told of alerts.
    """

    file: Path
    name: str
    rehearsal: str | None
    fleet: Fleet
    machines: Mapping[str, Machine]
    prober: Prober
    sources: Sources
    targets: Targets
    state: Path
    scrape_interval: float
    cores: Mapping[str, float]
    clock: Clock
    pair: HubPair | None = None
    alerting: AlertingDeployment | None = None

    @property
    def alerts(self) -> Alerts | None:
        """Who knows what alerts; None where nobody does."""
        return None if self.alerting is None else self.alerting.alertmanager

    @property
    def runs(self) -> Path:
        """One folder per run, holding its ledger."""
        return self.state / "runs"

    @property
    def reports(self) -> Path:
        """One folder per run, holding its report and samples."""
        return self.state / "reports"

    def change(self, kind: ChangeKind, environment: Mapping[str, str] = NOTHING_SET) -> Change:
        """The change of that kind on this site. environment: what a flag sets. Raises Refused where it is about hubs that the site lacks."""
        if kind is ChangeKind.HUBS:
            return self.hub_service
        if kind is ChangeKind.ROUTING:
            return Routing(kind.value, HubRoutes(self.hub_pair), self.clock)
        if kind is ChangeKind.OUTAGE:
            return HubOutage(kind.value, self.hub_pair)
        settings = wanted_settings(kind, environment) or NOTHING_SET
        if kind is ChangeKind.METRICS:
            return MetricsActivation(kind.value, self.fleet, self.machines, self.prober, settings, self.targets)
        if switch := SWITCHES.get(kind):
            return Feature(kind.value, self.fleet, self.machines, self.prober, settings, switch)
        return Flag(kind.value, self.fleet, self.machines, self.prober, settings)

    @property
    def hub_pair(self) -> HubPair:
        """The pair that the site declares, whether it exists yet or not; a site without one raises Refused."""
        if self.pair is None:
            raise Refused(f"site {self.name} declares no pair of hubs")
        return self.pair

    @property
    def hub_service(self) -> HubService:
        """The change that makes hubs a pair; a site without a pair raises Refused."""
        return HubService(ChangeKind.HUBS.value, self.hub_pair, PROMTOOL)

    @property
    def paired(self) -> HubPair | None:
        """The pair while both hubs are configured as one; read from their machines each time."""
        return self.pair if self.pair is not None and self.pair.in_force else None


def load_site(file: Path, deadlines: Deadlines, clock: Clock | None = None) -> Site:
    """Everything that a site's file names, ready to act; nothing is contacted yet.

    deadlines: seconds for one request of each kind, from the plan. Raises InputError (file, key, reason), Refused for missing secrets.
    """
    document, fleet = load_site_file(file)
    clock = clock or SystemClock()
    secrets = secrets_of(document)
    machines = machines_of(document, secrets, deadlines.supervisor)
    hub = document.hubs[0]
    addresses = {name: access.address for name, access in document.machines.items()}
    login = document.hub_login(secrets)
    client = httpx.Client(timeout=deadlines.query, trust_env=False, transport=InTimeTransport(deadlines.query), auth=login)
    single = HubTargets(hub.url, hub.targets, machines[hub.machine].transport, addresses, client)
    pair = _pair(document, fleet, machines, login, deadlines.query)
    return Site(
        file=file,
        name=document.site,
        rehearsal=document.rehearsal,
        fleet=fleet,
        machines=machines,
        prober=Prober(deadlines.probe),
        sources=Sources(
            sources_asked(document, secrets, clock, deadlines.query),
            in_force=lambda name: pair is None or name != pair.hubs[1].name or pair.in_force,
        ),
        targets=single if pair is None else PairTargets(single, HubRoutes(pair)),
        state=document.state,
        scrape_interval=document.scrape_interval,
        cores=document.cores,
        clock=clock,
        pair=pair,
        alerting=_alerting(file, document, machines, client, clock, deadlines.query),
    )


def _pair(document: SiteFile, fleet: Fleet, machines: Mapping[str, Machine], login: tuple[str, str] | None, timeout: float) -> HubPair | None:
    """The pair that the site declares. Raises Refused for missing credentials."""
    if document.pair is None:
        return None
    if login is None:
        needed = f"{document.pair.username_env} and {document.pair.password_env}"
        raise Refused(f"the hubs of {document.site} need {needed}, which neither the environment nor the site's secrets file has")
    known, stranger = (httpx.Client(timeout=timeout, trust_env=False, transport=InTimeTransport(timeout), auth=auth) for auth in (login, None))

    def hub(access: HubAccess) -> Hub:
        agent = next(agent for agent in fleet.on(access.machine) if agent.hub)
        return Hub(access, access.running, agent, machines[access.machine], HubClient(access.name, access.url, known, stranger))

    first, second = document.hubs
    return HubPair(fleet, (hub(first), hub(second)), document.pair, document.scrape_interval, *login, document.alerting)


def _alerting(
    file: Path, document: SiteFile, machines: Mapping[str, Machine], client: httpx.Client, clock: Clock, timeout: float
) -> AlertingDeployment | None:
    """How rules reach those hubs that take some, and routes the Alertmanager. client: with what the hubs ask for, which is no other's business."""
    access = document.alerting
    if access is None:
        return None
    hubs = tuple(HubRules(hub.name, hub.url, hub.rules, machines[hub.machine].transport, client) for hub in document.hubs if hub.rules is not None)
    manager, stranger = access.alertmanager, httpx.Client(timeout=timeout, trust_env=False, transport=InTimeTransport(timeout))
    return AlertingDeployment(access, hubs, Alertmanager(manager.url, stranger), machines[manager.machine].transport, file, clock)
