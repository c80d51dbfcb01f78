"""How the lab stands, seen from outside."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lab.errors import LabError
from lab.faults.kinds import Order, read_orders
from lab.site import ALERTMANAGER_PORT, BLACKBOX_PORT, EXPORTER_PORT, INBOX_PORT, LOAD_PORT, STATE_PORT, Agent, Hub, Machine, Site
from lab.supervisor import Credentials, Supervisor

PROBE_SECONDS = 2.0
OUTSIDE_JOBS = ("process", "probe", "load")


@dataclass(frozen=True, slots=True)
class MachineView:
    """One machine; `unhealthy` says for each agent id what is wrong, and is empty when all is well."""

    name: str
    agents: int
    supervisor: bool
    exporter: bool
    blackbox: bool
    load: bool
    unhealthy: dict[str, str]


@dataclass(frozen=True, slots=True)
class HubView:
    """One hub; targets are those measured from outside, probes the agents whose /health it last saw answer 200."""

    name: str
    ready: bool
    targets_up: int
    targets: int
    probes: int


@dataclass(frozen=True, slots=True)
class View:
    """The whole lab at one moment. silent: programs around alerts that do not answer."""

    machines: tuple[MachineView, ...]
    hubs: tuple[HubView, ...]
    faults: tuple[Order, ...]
    silent: tuple[str, ...] = ()

    def complaints(self, site: Site) -> Iterator[str]:
        """What keeps the lab from being ready, a sentence each, with the log to read."""
        for machine in self.machines:
            logs = site.machine(machine.name).logs
            if not machine.supervisor:
                yield f"supervisord of {machine.name} does not answer (log: {logs}/supervisord.log)"
            for program, answers in (("lab-exporter", machine.exporter), ("lab-blackbox", machine.blackbox), ("lab-load", machine.load)):
                if not answers:
                    yield f"{program} of {machine.name} does not answer (log: {logs}/{program}.log)"
            for agent, reason in machine.unhealthy.items():
                yield f"{agent}: {reason} (log: {logs}/{site.agents[agent].name}.log)"
        for program in self.silent:
            yield f"{program} does not answer (log: {site.machine(site.alerting or '').logs}/{program}.log)"
        for hub in self.hubs:
            if not hub.ready:
                yield f"hub {hub.name} is not ready"
            elif hub.targets_up < hub.targets or hub.probes < len(site.agents):
                yield f"hub {hub.name} sees {hub.targets_up} of {hub.targets} targets and {hub.probes} of {len(site.agents)} healthy agents"


def look(site: Site, credentials: Credentials) -> View:
    """Asks everybody, with a limit on each wait."""
    with ThreadPoolExecutor(16) as pool:
        machines = tuple(_machine(machine, Supervisor(machine, credentials), pool) for machine in site.machines)
        silent = tuple(_silent(site)) if site.alerting is not None else ()
    return View(machines, tuple(_hub(site, hub, credentials) for hub in site.hubs), read_orders(site.faults), silent)


def _machine(machine: Machine, supervisor: Supervisor, pool: ThreadPoolExecutor) -> MachineView:
    try:
        programs = supervisor.programs()
    except LabError:
        programs = {}
    problems = pool.map(lambda agent: _problem(agent, machine, programs.get(agent.name)), machine.agents)
    exporter, blackbox, load = pool.map(lambda port: _get(machine.address, port, "/metrics")[0] == 200, (EXPORTER_PORT, BLACKBOX_PORT, LOAD_PORT))
    unhealthy = {agent.id: problem for agent, problem in zip(machine.agents, problems, strict=True) if problem}
    return MachineView(machine.name, len(machine.agents), bool(programs), exporter, blackbox, load, unhealthy)


def _silent(site: Site) -> Iterator[str]:
    address = site.machine(site.alerting or "").address
    for program, port, path in (
        ("lab-alertmanager", ALERTMANAGER_PORT, "/-/ready"),
        ("lab-inbox", INBOX_PORT, "/"),
        ("lab-state", STATE_PORT, "/metrics"),
    ):
        if _get(address, port, path)[0] != 200:
            yield program


def _problem(agent: Agent, machine: Machine, program: dict[str, Any] | None) -> str:
    """Empty when the supervised process itself answers 200 on /health."""
    if program is None:
        return "not supervised"
    status, body = _get(machine.address, agent.health_port, "/health")
    if program["statename"] != "RUNNING":
        answer = f", and yet somebody answers {status} on its port" if status and program["statename"] != "STARTING" else ""
        return f"{program['statename']} {program['spawnerr']}".strip() + answer
    if status != 200:
        return f"/health answers {status or 'nothing'}"
    pid = json.loads(body)["pid"]
    return "" if pid == program["pid"] else f"/health is answered by pid {pid}, an orphan; the supervised pid is {program['pid']}"


def _hub(site: Site, hub: Hub, credentials: Credentials) -> HubView:
    """The credentials go along in any case: a hub that asks for none does not look at them."""
    wanted = len(site.agents) + 2 * len(site.machines)
    login = "Basic " + base64.b64encode(f"{credentials.username}:{credentials.hub_password}".encode()).decode()
    if _get(hub.address, hub.port, "/-/ready", login)[0] != 200:
        return HubView(hub.name, ready=False, targets_up=0, targets=wanted, probes=0)
    up = _count(hub, f'count(max without (scraped_by) (up{{job=~"{"|".join(OUTSIDE_JOBS)}"}}) == 1)', login)
    probes = _count(hub, "count(max without (scraped_by) (probe_success) == 1)", login)
    return HubView(hub.name, ready=True, targets_up=up, targets=wanted, probes=probes)


def _count(hub: Hub, query: str, login: str) -> int:
    status, body = _get(hub.address, hub.port, "/api/v1/query?" + urllib.parse.urlencode({"query": query}), login)
    result = json.loads(body)["data"]["result"] if status == 200 else []
    return int(result[0]["value"][1]) if result else 0


def _get(address: str, port: int, path: str, login: str = "") -> tuple[int, bytes]:
    """Status and body; status 0 when there was no whole answer in time."""
    connection = http.client.HTTPConnection(address, port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": login} if login else {})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
