"""Two hubs in memory beside the machines in memory: they scrape what their files say and tell it over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from rollout.fleet import Agent, Fleet
from rollout.hub import Hub, HubPair
from rollout.services.hub_client import HubClient
from rollout.site_file import ExporterPorts, HubAccess, HubService, PairAccess, WatchdogService
from tests.fakes.clock import JumpingClock
from tests.fakes.machine import MemoryAgent, MemoryMachine, Process

PASSWORD = "hunter2"
ACCESS = PairAccess(
    username_env="HUB_USER",
    password_env="HUB_PASSWORD",
    programs=Path("/programs"),
    exporters=ExporterPorts(process=9256, load=9257, probe=9115),
    agent_interval=15,
    retention="6h",
    watchdog=WatchdogService(program="hub-watchdog", port=9191, interval=0.5, fall=3, rise=5),
)
ORIGINAL = "central as the site had it"


class PairWorld:
    """Two machines with one worker and one hub agent each; central runs as its site had it, metrics of mainpc/Worker are on.

    deaf: hubs that do not answer; open: hubs that ask nobody for a password; lost: what a hub does not run of its configuration.
    """

    def __init__(self) -> None:
        self.clock = JumpingClock()
        agents = [
            Agent("mainpc", "group", "Worker", 7001, 8001),
            Agent("mainpc", "group", "Hub", 9000, 9001, hub=True),
            Agent("pc2", "group", "Worker", 7002, 8002),
            Agent("pc2", "group", "Hub", 9100, 9110, hub=True),
        ]
        self.fleet = Fleet("pair", tuple(agents))
        old = self.clock.now() - 3600
        self.all = {agent.id: MemoryAgent(agent, {}, Process(100 + number, old, {"A": "1"})) for number, agent in enumerate(agents)}
        self.memory = {
            name: MemoryMachine(name, [each for each in self.all.values() if each.agent.machine == name], self.clock) for name in ("mainpc", "pc2")
        }
        self.deaf: set[str] = set()
        self.open: set[str] = set()
        self.lost: dict[str, str] = {}
        self.hubs = (self._hub("central", "mainpc", 9000), self._hub("edge", "pc2", 9100))
        self.pair = HubPair(self.fleet, self.hubs, ACCESS, 1.0, "lab", PASSWORD)
        central = self.memory["mainpc"]
        central.definitions["central"] = ORIGINAL
        central.running["central"] = (ORIGINAL, 4000)
        central.files_by_path["/mainpc/targets/agents.json"] = json.dumps(
            [{"targets": ["mainpc.test:8001"], "labels": {"machine": "mainpc", "agent": "Worker"}}]
        )

    def text(self, hub: Hub, file: Path) -> str | None:
        """What a file of a hub's machine says."""
        return self.memory[hub.machine.name].files_by_path.get(str(file))

    def _hub(self, name: str, machine: str, port: int) -> Hub:
        memory = self.memory[machine]
        memory.ports[port] = name
        service = HubService(program=name, folder=Path(f"/{machine}/pair"), data=Path(f"/{machine}/data"))
        access = HubAccess(name=name, machine=machine, url=f"http://{machine}.test:{port}", targets=Path(f"/{machine}/targets"), service=service)
        clients = [
            httpx.Client(transport=httpx.MockTransport(lambda request: self._answer(name, request)), auth=auth) for auth in (("lab", PASSWORD), None)
        ]
        agent = next(agent for agent in self.fleet.on(machine) if agent.hub)
        return Hub(access, service, agent, memory.machine(), HubClient(name, access.url, *clients))

    def _answer(self, name: str, request: httpx.Request) -> httpx.Response:
        hub = self.hubs[0] if name == "central" else self.hubs[1]
        memory = self.memory[hub.machine.name]
        if name not in memory.running or name in self.deaf:
            raise httpx.ConnectError("refused")
        paired = "--web.config.file" in memory.running[name][0]
        if paired and name not in self.open and "Authorization" not in request.headers:
            return httpx.Response(401)
        answers: dict[str, Any] = {
            "/api/v1/status/flags": self._flags(hub, paired=paired),
            "/api/v1/status/config": {"yaml": self.lost.get(name) or self.text(hub, hub.configuration) or "{}"},
            "/api/v1/targets": {"activeTargets": self._targets(hub) if paired else []},
        }
        return httpx.Response(200, json={"data": answers.get(request.url.path, "")})

    def _flags(self, hub: Hub, *, paired: bool) -> dict[str, str]:
        flags = {"web.config.file": str(hub.web), "config.file": str(hub.configuration), "web.enable-remote-write-receiver": "true"}
        return flags if paired else {"web.config.file": "", "config.file": "old", "web.enable-remote-write-receiver": "false"}

    def _targets(self, hub: Hub) -> list[dict[str, Any]]:
        files = [(job, folder / f"{job}.json") for job in ("process", "load", "probe", "agents") for folder in (hub.access.targets, hub.takeover)]
        return [
            {"labels": entry["labels"] | {"job": job}, "discoveredLabels": {"__meta_filepath": str(file)}, "health": "up"}
            for job, file in files
            for entry in json.loads(self.text(hub, file) or "[]")
        ]
