"""The same restarts with nothing around them: stop, remove, add by XML-RPC, ten at a time. No configuration, no ledger, no witness."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xmlrpc.client import ServerProxy

import httpx
from supervisor.xmlrpc import SupervisorTransport

from rollout.batches import Batch
from rollout.fleet import Agent
from rollout.machines import secrets_of
from rollout.site_file import load_site_file

WIDTH = 10
POLL = 0.05
"""Seconds between two questions about one program: four times as often as the executor looks."""
PATIENCE = 30.0


class BareRestarts:
    """Restarts by XML-RPC. One fresh connection per program, as supervisord's client library needs it with threads."""

    def __init__(self, site_file: Path) -> None:
        self._site, _ = load_site_file(site_file)
        self._secrets = secrets_of(self._site)
        self._client = httpx.Client(timeout=5.0, trust_env=False)

    def restart(self, batches: Sequence[Batch], *, ask_health: bool) -> float:
        """Restarts batch after batch, waiting for each batch until all its programs are RUNNING (and /health says 200); seconds in all."""
        began = time.perf_counter()
        with ThreadPoolExecutor(WIDTH) as pool:
            for batch in batches:
                list(pool.map(lambda agent: self._restart(agent, ask_health=ask_health), batch.agents))
        return time.perf_counter() - began

    def await_health(self, batches: Sequence[Batch]) -> None:
        """Wait until all answer: what one side has left starting would be paid for by the next."""
        for batch in batches:
            for agent in batch.agents:
                self._await_health(agent)

    def _restart(self, agent: Agent, *, ask_health: bool) -> None:
        access = self._site.machines[agent.machine]
        supervisor = access.supervisor
        credentials = [self._secrets[variable] if variable else "" for variable in (supervisor.username_env, supervisor.password_env)]
        with ServerProxy("http://127.0.0.1", transport=SupervisorTransport(*credentials, supervisor.url)) as proxy:
            proxy.supervisor.stopProcess(agent.name)
            proxy.supervisor.removeProcessGroup(agent.name)
            proxy.supervisor.addProcessGroup(agent.name)
            _until(lambda: _state(proxy, agent.name) == "RUNNING", agent.id)
        if ask_health:
            self._await_health(agent)

    def _await_health(self, agent: Agent) -> None:
        _until(lambda: self._healthy(f"http://{self._site.machines[agent.machine].address}:{agent.health_port}/health"), agent.id)

    def _healthy(self, url: str) -> bool:
        try:
            return self._client.get(url).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def _state(proxy: ServerProxy, name: str) -> object:
    record = proxy.supervisor.getProcessInfo(name)
    return record["statename"] if isinstance(record, dict) else None


def _until(ready: Callable[[], bool], name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} did not come up; this is no measurement")
        time.sleep(POLL)
