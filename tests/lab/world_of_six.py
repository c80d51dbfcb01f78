"""How the tests speak to a lab of six: its command line, its supervisors and plain HTTP."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.processes import of_lab
from lab.site import Agent, load_site
from lab.supervisor import Supervisor, read_credentials

FLEETS = Path(__file__).resolve().parents[2] / "fleets"


class Six:
    """One lab."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.site = load_site(file)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`python -m lab WORDS --site ...`, as a person would."""
        return subprocess.run(
            [sys.executable, "-m", "lab", *words, "--site", str(self.file)], capture_output=True, text=True, timeout=120, check=False
        )

    def processes(self) -> list[int]:
        """Whatever of this lab still runs."""
        return list(of_lab(self.site.state))

    def supervisor(self, machine: str) -> Supervisor:
        """Calls to that machine's supervisord."""
        credentials = read_credentials(self.site.state)
        assert credentials is not None
        return Supervisor(self.site.machine(machine), credentials)

    def state(self, agent: str) -> str:
        """What the supervisor says of an agent."""
        return self.supervisor(self.agent(agent).machine).programs()[self.agent(agent).name]["statename"]

    def agent(self, identity: str) -> Agent:
        """The agent of that id."""
        return self.site.agents[identity]

    def activate(self, identity: str) -> None:
        """Switches an agent's metrics on, as a rollout does it."""
        agent = self.agent(identity)
        file = self.site.machine(agent.machine).programs / f"{agent.name}.conf"
        text = re.sub(r',ENABLE_PROMETHEUS_METRICS="\w+"', "", file.read_text())
        file.write_text(re.sub(r"^(environment=.*)$", r'\1,ENABLE_PROMETHEUS_METRICS="true"', text, flags=re.MULTILINE))
        supervisor = self.supervisor(agent.machine)
        supervisor.call("supervisor.reloadConfig")
        supervisor.call("supervisor.stopProcess", agent.name)
        supervisor.call("supervisor.removeProcessGroup", agent.name)
        supervisor.call("supervisor.addProcessGroup", agent.name)
        eventually(lambda: self.features(identity).get("metrics") == "on")

    def get(self, identity: str, path: str, timeout: float = 2.0) -> tuple[int, bytes]:
        """Status and body of an agent's answer: /work on its work port, anything else on its health port."""
        agent = self.agent(identity)
        port = agent.port if path == "/work" else agent.health_port
        return get(self.site.machine(agent.machine).address, port or 0, path, timeout)

    def health(self, identity: str) -> dict[str, object]:
        """What an agent says of itself; empty when it does not answer."""
        try:
            return json.loads(self.get(identity, "/health")[1])
        except OSError:
            return {}

    def features(self, identity: str) -> dict[str, str]:
        """Each feature with its state, as the agent says; empty when it does not answer."""
        said = self.health(identity).get("features", {})
        assert isinstance(said, dict)
        return said

    def series(self, machine: str, port: int) -> dict[tuple[str, str], float]:
        """An exporter's samples by (name, agent)."""
        _, text = get(self.site.machine(machine).address, port, "/metrics")
        return {(m[1], m[2]): float(m[3]) for m in re.finditer(r'^(\w+)\{agent="([\w-]+)"\} (\S+)$', text.decode(), re.MULTILINE)}


def get(address: str, port: int, path: str, timeout: float = 2.0) -> tuple[int, bytes]:
    """One GET over a connection of its own; OSError when nothing listens or answers."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def eventually(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    """Returns when it holds; fails when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.1)
