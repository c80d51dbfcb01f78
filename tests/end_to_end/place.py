"""A lab and how the tests look at it: /proc, HTTP, program files and the hub, with nothing of ours in between."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.world_of_six import Six, eventually, get

FLAG = "ENABLE_PROMETHEUS_METRICS"


@dataclass(frozen=True)
class AgentState:
    """One agent as it is now. process: its environment in /proc; program: its section on disk; both without the flag, which stands in `flags`."""

    pid: int
    metrics: int
    process: Mapping[str, str]
    program: Mapping[str, str]
    flags: tuple[str | None, str | None]

    @property
    def settings(self) -> tuple[Mapping[str, str], Mapping[str, str], tuple[str | None, str | None]]:
        """All that a rollback has to bring back."""
        return self.process, self.program, self.flags


class Place(Six):
    """One lab of the checkout's own site files."""

    @property
    def name(self) -> str:
        """What `--site` takes."""
        return self.file.stem

    @property
    def state(self) -> Path:
        """The folder of ledgers and reports, which holds the lab's folder."""
        return self.site.state.parent

    def lab(self, *words: str) -> None:
        """A command of the lab that has to succeed."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr

    def fault(self, *words: str) -> None:
        """Puts a fault in force, or clears them all."""
        self.lab("fault", *words)

    def seen(self) -> dict[str, AgentState]:
        """Every agent, by identity."""
        programs = {machine.name: self.supervisor(machine.name).programs() for machine in self.site.machines}
        return {identity: self._agent(identity, programs[agent.machine][agent.name]["pid"]) for identity, agent in self.site.agents.items()}

    def pids(self) -> dict[str, int]:
        """The supervised process of every agent."""
        return {identity: state.pid for identity, state in self.seen().items()}

    def active(self) -> set[str]:
        """Agents that answer /metrics."""
        return {identity for identity, state in self.seen().items() if state.metrics == 200}

    def scraped(self) -> dict[str, str]:
        """What the hub itself says of the agents that it scrapes: identity to health."""
        hub = self.site.hubs[0]
        targets = json.loads(get(hub.address, hub.port, "/api/v1/targets?state=active")[1])["data"]["activeTargets"]
        return {f"{t['labels']['machine']}/{t['labels']['agent']}": t["health"] for t in targets if t["labels"]["job"] == "agents"}

    def clean(self) -> bool:
        """Whether the lab is up and well with no fault in force and all metrics off."""
        return self.run("status").returncode == 0 and not self.active()

    def secrets(self) -> set[str]:
        """Every token of an agent and the supervisors' password."""
        tokens = {state.process["API_TOKEN"] for state in self.seen().values()}
        lines = (self.site.state / "supervisor.env").read_text().splitlines()
        return tokens | {line.partition("=")[2].strip("'\"") for line in lines if "PASSWORD" in line}

    def _agent(self, identity: str, pid: int) -> AgentState:
        agent = self.agent(identity)
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        process = dict(pair.split("=", 1) for pair in pairs if pair)
        file = configparser.RawConfigParser()
        file.read(self.site.machine(agent.machine).programs / f"{agent.name}.conf")
        program = dict(file[f"program:{agent.name}"])
        environment = dict(re.findall(r'(\w+)="([^"]*)"', program.pop("environment")))
        flags = (process.pop(FLAG, None), environment.pop(FLAG, None))
        return AgentState(pid, self.get(identity, "/metrics")[0], process, program | environment, flags)


def assert_as_before(place: Place, before: Mapping[str, AgentState], *, touched: Iterable[str]) -> None:
    """No agent has metrics, each has every setting of before, those that nobody had to touch never stopped, and the hub scrapes none."""
    after = place.seen()
    assert {identity for identity, state in after.items() if state.metrics != 404} == set()
    for identity, state in after.items():
        assert state.settings == before[identity].settings, identity
    restarted = {identity for identity, state in after.items() if state.pid != before[identity].pid}
    assert restarted <= set(touched)
    eventually(lambda: place.scraped() == {})
