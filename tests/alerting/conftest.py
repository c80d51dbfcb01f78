"""A Prometheus, an Alertmanager and an inbox of the tests' own, with the state exporter in this process: alerts end to end without a fleet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.binaries import PROJECT, alertmanager, find
from rollout.alert import Situation
from rollout.alerting.contacts import AlertingAccess
from rollout.alerting.deployment import AlertingDeployment
from rollout.clock import SystemClock
from rollout.incident import IncidentFile
from rollout.incident_keeper import IncidentKeeper
from rollout.observe.exporter import ExporterServer
from rollout.observe.state_exporter import StateReader
from rollout.observe.state_folder import StateFolder
from rollout.plan import Plan, load_plan
from rollout.plan.alerting import Alerting, LevelDelays
from rollout.services.alertmanager import Alertmanager
from rollout.services.hub_rules import HubRules
from rollout.site import Site
from rollout.transports.local import LocalTransport
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.ports import unused_port

ROLES = ("operators", "automated rollback", "technical lead", "system architect", "executive stakeholders")
PATIENCE = 240.0
"""Seconds for what takes a second on a machine with a free core."""


def quick(plan: Plan) -> Plan:
    """The plan at the pace of the lab of six, told at once: L4 after 20 s instead of 30 min."""
    delays = LevelDelays(green=1, yellow=1, orange=1, red=1)
    at_once = Alerting(agent_unwell=1, levels=delays, group_wait=0.1, group_interval=1, repeat=3600, acknowledged_for=3600, closes_after=1)
    return plan.model_copy(update={"alerting": at_once}).for_site("six")


@dataclass(frozen=True)
class Desk:
    """The chain of alerts. messages: what arrived, oldest first."""

    site: Site
    plan: Plan
    deployment: AlertingDeployment
    keeper: IncidentKeeper
    inbox: Path

    def messages(self) -> list[dict[str, Any]]:
        """What arrived at the inbox."""
        return [json.loads(line) for line in self.inbox.read_text().splitlines()] if self.inbox.exists() else []

    def told(self, role: str, status: str, alert: str) -> list[float]:
        """When that role's webhook was told that this alert fires or is resolved."""
        path = "/" + role.replace(" ", "-")
        return [
            message["at"]
            for message in self.messages()
            if message["to"] == path
            and any(each["labels"]["alertname"] == alert and each["status"] == status for each in message["webhook"]["alerts"])
        ]

    def until_told(self, role: str, status: str, alert: str) -> float:
        """Waits for it."""
        ends = time.monotonic() + PATIENCE
        while not (found := self.told(role, status, alert)):
            assert time.monotonic() < ends, f"{role} was not told that {alert} is {status}: {self.messages()}"
            time.sleep(0.5)
        return found[0]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The chain, with nobody told of anything yet."""
    folder = tmp_path_factory.mktemp("desk")
    hub_port, manager_port, web, mail = unused_port(), unused_port(), unused_port(), unused_port()
    world = MemoryWorld()
    clock = SystemClock()
    plan = quick(load_plan(PROJECT / "plans" / "week3.yaml"))
    situation = Situation({agent.id: True for agent in world.agents}, {"central": True})
    keeper = IncidentKeeper(StateFolder(folder, "memory", clock), IncidentFile(folder), lambda _state, _now: situation, plan, clock)
    keeper.look()
    reader = StateReader(StateFolder(folder, "memory", clock), world.fleet, keeper, 60.0, clock)
    server = ExporterServer(("127.0.0.1", 0), reader)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    (folder / "rules").mkdir()
    (folder / "prometheus.yaml").write_text(_prometheus(folder, server.server_address[1], manager_port))
    (folder / "alertmanager.yaml").write_text('{"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}')
    inbox = {"INBOX_FILE": str(folder / "inbox.jsonl"), "INBOX_ADDRESS": "127.0.0.1", "INBOX_WEB": str(web), "INBOX_MAIL": str(mail)}
    commands = [
        [
            find("prometheus"),
            f"--config.file={folder}/prometheus.yaml",
            f"--web.listen-address=127.0.0.1:{hub_port}",
            f"--storage.tsdb.path={folder}/tsdb",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ],
        [
            alertmanager(),
            f"--config.file={folder}/alertmanager.yaml",
            f"--web.listen-address=127.0.0.1:{manager_port}",
            f"--storage.path={folder}/alertmanager",
            "--cluster.listen-address=",
            "--log.level=warn",
        ],
        [sys.executable, "-m", "lab.inbox"],
    ]
    processes = [subprocess.Popen(command, env=os.environ | inbox, cwd=PROJECT, stderr=subprocess.DEVNULL) for command in commands]
    client = httpx.Client(timeout=30, trust_env=False)
    try:
        for url in (f"http://127.0.0.1:{hub_port}/-/ready", f"http://127.0.0.1:{manager_port}/-/ready", f"http://127.0.0.1:{web}/"):
            _until_ready(client, url)
        transport = LocalTransport("127.0.0.1")
        hub = HubRules("central", f"http://127.0.0.1:{hub_port}", folder / "rules", transport, client)
        manager = Alertmanager(f"http://127.0.0.1:{manager_port}", client)
        deployment = AlertingDeployment(_access(folder, manager.url, web, mail), (hub,), manager, transport, folder / "site.yaml", clock)
        site = replace(memory_site(world, folder), alerting=deployment, clock=clock)
        yield Desk(site, plan, deployment, keeper, folder / "inbox.jsonl")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
        server.shutdown()
        server.server_close()
        client.close()


def _access(folder: Path, manager: str, web: int, mail: int) -> AlertingAccess:
    contacts: dict[str, dict[str, str]] = {role: {"webhook": f"http://127.0.0.1:{web}/{role.replace(' ', '-')}"} for role in ROLES}
    contacts["technical lead"]["email"] = "lead@lab.test"
    return AlertingAccess.model_validate(
        {
            "alertmanager": {"url": manager, "machine": "east", "config": folder / "alertmanager.yaml"},
            "contacts": contacts,
            "mail": {"smarthost": f"127.0.0.1:{mail}", "sender": "rollout@lab.test", "tls": False},
        }
    )


def _prometheus(folder: Path, exporter: int, manager: int) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [f"{folder}/rules/*.yaml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]},
            "scrape_configs": [{"job_name": "state", "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}]}],
        }
    )


def _until_ready(client: httpx.Client, url: str) -> None:
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            if client.get(url).is_success:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < ends, f"{url} does not answer"
        time.sleep(0.3)
