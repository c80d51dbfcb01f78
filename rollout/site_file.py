"""The site file: how the machines, supervisors, hubs and sources of a fleet are reached. Secrets stand in the environment, never in the file."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from rollout.alerting.contacts import AlertingAccess
from rollout.document import Document, read_yaml, validated
from rollout.errors import InputError
from rollout.fleet import Fleet, Name, Port, load_fleet
from rollout.machine_access import UNIX, EnvironmentName, Login, MachineAccess, absolute

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/[^\s]*)?$")]
LONGEST_SOCKET_PATH = 107
"""Bytes; Linux keeps 108 for the path of a unix socket and its final zero."""


class HubService(Document):
    """How a hub runs. program: under its machine's supervisor; folder: for the configuration that day 2 writes; data: of its time series."""

    program: Name
    folder: Path
    data: Path

    def below(self, folder: Path) -> HubService:
        """With absolute paths; relative ones start at the folder."""
        return self.model_copy(update={"folder": absolute(folder, self.folder), "data": absolute(folder, self.data)})


class HubAccess(Login):
    """A hub. machine: the one that it runs on; targets: its file_sd folder, where the agents with metrics are listed; rules: of its rule files.

    *_env: of a hub that asks for a login from the beginning; those of a pair ask for the pair's, once day 2 has made them one.
    The first hub runs from the beginning; another one is part of the site from the day on that deploys it.
    """

    name: Name
    machine: Name
    url: Url
    targets: Path
    rules: Path | None = None
    service: HubService | None = None

    @property
    def running(self) -> HubService:
        """How it runs. Raises InputError for a hub that does not say it; those of a pair do."""
        if self.service is None:
            raise InputError(self.name, "service", "a hub of a pair says how it runs")
        return self.service

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.split("/")[2].rpartition(":")[2])

    def below(self, folder: Path) -> HubAccess:
        """With absolute paths; relative ones start at the folder."""
        service = self.service.below(folder) if self.service else None
        rules = None if self.rules is None else absolute(folder, self.rules)
        return self.model_copy(update={"targets": absolute(folder, self.targets), "rules": rules, "service": service})


class ExporterPorts(Document):
    """Where the exporters listen on each machine: of processes, of the load's client side, of probes."""

    process: Port
    load: Port | None = None
    probe: Port


class WatchdogService(Document):
    """The watchdog of each machine. program: under its supervisor; port: of its own metrics; interval: seconds between two checks of the peer.

    fall: failed checks in a row that mean death; rise: ready ones in a row before the peer gets its targets back.
    """

    program: Name
    port: Port
    interval: float = Field(gt=0, allow_inf_nan=False)
    fall: int = Field(ge=1)
    rise: int = Field(ge=2)


class PairAccess(Document):
    """What two hubs need to back each other (day 2).

    *_env: names of the variables with the credentials that the hubs ask for from then on; programs: folder with prometheus and promtool on the
    hubs' machines, asked after PATH; agent_interval: seconds between scrapes of the agents' own metrics; retention: of the hubs' time series.
    """

    username_env: EnvironmentName
    password_env: EnvironmentName
    programs: Path
    exporters: ExporterPorts
    agent_interval: float = Field(gt=0, allow_inf_nan=False)
    retention: Annotated[str, StringConstraints(pattern=r"^[0-9]+[hdwy]$")]
    watchdog: WatchdogService


class SourceAccess(Login):
    """A place to ask for metrics through the Prometheus API. *_env: where it asks for another login than the hubs."""

    name: Name
    url: Url


class SiteFile(Document):
    """How one fleet is reached at one place; paths are absolute after loading.

    rehearsal: the plan's overlay that applies here, none in production; state: folder of ledgers, snapshots and reports;
    secrets: file of KEY=VALUE lines for variables that the environment lacks;
    scrape_interval: seconds between samples of what is measured from outside; sources: in the order in which they are believed;
    alerting: where alerts go, absent where nobody is told.
    """

    site: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    fleet: Path
    rehearsal: str | None = None
    state: Path
    secrets: Path | None = None
    scrape_interval: float = Field(gt=0, allow_inf_nan=False)
    machines: dict[Name, MachineAccess]
    hubs: tuple[HubAccess, ...] = Field(min_length=1)
    sources: tuple[SourceAccess, ...] = ()
    pair: PairAccess | None = None
    alerting: AlertingAccess | None = None

    @property
    def asked(self) -> tuple[SourceAccess, ...]:
        """The sources in order; a site that lists none asks its hubs."""
        return self.sources or tuple(SourceAccess(name=hub.name, url=hub.url) for hub in self.hubs)

    def hub_login(self, secrets: Mapping[str, str]) -> tuple[str, str] | None:
        """User and password of the hubs, for those that ask for them; None where the site has none, or nobody those of a pair.

        Raises Refused where nobody has those of a single hub, which asks for them from the beginning.
        """
        if self.pair is None:
            return self.hubs[0].login(secrets, f"hub {self.hubs[0].name}")
        if not {self.pair.username_env, self.pair.password_env} <= secrets.keys():
            return None
        return secrets[self.pair.username_env], secrets[self.pair.password_env]

    @property
    def cores(self) -> dict[str, float]:
        """Cores by machine; a machine whose cores nobody knows is missing."""
        return {name: cores for name, machine in self.machines.items() if (cores := machine.known_cores) is not None}

    def below(self, folder: Path) -> SiteFile:
        """With absolute paths; relative ones start at the folder of the site file."""
        machines = {name: machine.below(folder) for name, machine in self.machines.items()}
        hubs = tuple(hub.below(folder) for hub in self.hubs)
        pair = self.pair and self.pair.model_copy(update={"programs": absolute(folder, self.pair.programs)})
        paths = {"fleet": self.fleet, "state": self.state} | ({"secrets": self.secrets} if self.secrets else {})
        whole = {name: absolute(folder, path) for name, path in paths.items()}
        alerting = None if self.alerting is None else self.alerting.below(folder)
        return self.model_copy(update={**whole, "machines": machines, "hubs": hubs, "pair": pair, "alerting": alerting})


def load_site_file(file: Path) -> tuple[SiteFile, Fleet]:
    """The site with the fleet that it reaches; what does not fit together raises InputError (file, key, reason)."""
    site = validated(SiteFile, read_yaml(file), file).below(Path(os.path.abspath(file)).parent)  # noqa: PTH100 (resolve would follow links)
    fleet = load_fleet(site.fleet)
    for key, reason in _misfits(site, fleet):
        raise InputError(file, key, reason)
    return site, fleet


def _misfits(site: SiteFile, fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Every key that fits neither the fleet nor the rest of the file, with the reason."""
    yield from _strangers(site, fleet)
    for machine, access in site.machines.items():
        path = access.supervisor.url.removeprefix(UNIX)
        if access.supervisor.url.startswith(UNIX) and len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            yield f"machines.{machine}.supervisor.url", f"a unix socket's path has at most {LONGEST_SOCKET_PATH} bytes: {path}"
    for field, entries in (("hubs", site.hubs), ("sources", site.sources)):
        for name, count in Counter(entry.name for entry in entries).items():
            if count > 1:
                yield field, f"{name} stands here {count} times"
    if site.pair is not None:
        yield from _no_pair(site, fleet)


def _strangers(site: SiteFile, fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Machines that only one of the two knows."""
    for machine in site.machines:
        if machine not in fleet.machines:
            yield f"machines.{machine}", f"unknown machine; fleet {fleet.name} has {', '.join(fleet.machines)}"
    for machine in fleet.machines:
        if machine not in site.machines:
            yield "machines", f"says nothing of {machine}, which fleet {fleet.name} has"
    for index, hub in enumerate(site.hubs):
        if hub.machine not in site.machines:
            yield f"hubs.{index}.machine", f"unknown machine {hub.machine}"
    if site.alerting is not None and site.alerting.alertmanager.machine not in site.machines:
        yield "alerting.alertmanager.machine", f"unknown machine {site.alerting.alertmanager.machine}"


def _no_pair(site: SiteFile, fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Why two hubs could not back each other."""
    if len(site.hubs) != 2 or site.hubs[0].machine == site.hubs[1].machine:
        yield "pair", "needs two hubs on two machines"
        return
    for index, hub in enumerate(site.hubs):
        if hub.service is None:
            yield f"hubs.{index}.service", "a hub of a pair says how it runs"
        if hub.username_env is not None:
            yield f"hubs.{index}.username_env", "a hub of a pair asks for the pair's login"
        if not re.search(r":\d+$", hub.url):
            yield f"hubs.{index}.url", "a hub of a pair is a server by itself: http://HOST:PORT"
        if not any(agent.hub for agent in fleet.on(hub.machine)):
            yield f"hubs.{index}.machine", f"fleet {fleet.name} has no hub agent on {hub.machine}, under whose name its hub is changed"
    for machine in fleet.machines:
        if machine not in {hub.machine for hub in site.hubs}:
            yield "pair", f"no hub stands on {machine}"
