"""Activating and verifying 77 agents, and bringing them back, against the same by Ansible.

python benchmarks/against_ansible.py [--rounds 5] [--site lab] [--tools FOLDER]   (the lab up, no day at work; starts a Prefect server of its own)

Ours: activation.py's flow run, and the rollback of rollback.py. Ansible: ansible-core with community.general, the playbook in ansible/, one host
per agent, the same batches by `serial`, ten forks, pipelining, no facts; it edits the same files, replaces the same programs, and asks /health and
/metrics. It keeps no ledger and asks no other witness. In turns: ours, ours back, Ansible, Ansible back. Ansible is installed into FOLDER once, by
pip. Goal: at least 8 times as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from activation import PORT, ours
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_LEVEL, temporary_settings
from run77 import ROOT, Run77, run_on

from deployments import server
from rollout.machines import secrets_of
from rollout.site_file import load_site_file

PLAYBOOK = Path(__file__).parent / "ansible" / "agents.yaml"
PACKAGES = ("ansible-core==2.18.6", "ansible==11.6.0")
"""The second holds community.general as of its day."""
FORKS = 10
SETTINGS = {
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_NOCOWS": "1",
    "ANSIBLE_RETRY_FILES_ENABLED": "0",
    "ANSIBLE_HOST_KEY_CHECKING": "0",
    "LC_ALL": "C.UTF-8",
}
GOAL = 8.0


class Ansible:
    """The playbook over one site's agents. tools: a virtual environment with Ansible, made when it is not there; folder: of the inventory."""

    def __init__(self, run: Run77, site_file: Path, tools: Path, folder: Path) -> None:
        if not (tools / "bin" / "ansible-playbook").exists():
            subprocess.run([sys.executable, "-m", "venv", str(tools)], check=True)
            subprocess.run([str(tools / "bin" / "pip"), "--quiet", "install", *PACKAGES], check=True)
        self._playbook = tools / "bin" / "ansible-playbook"
        self._inventory = folder / "inventory.json"
        self._sizes = [len(batch.agents) for batch in run.batches]
        site, _ = load_site_file(site_file)
        secrets = secrets_of(site)
        hosts = {}
        for agent in (agent for batch in run.batches for agent in batch.agents):
            access = site.machines[agent.machine]
            supervisor = access.supervisor
            hosts[agent.id.replace("/", "-")] = {
                "program": str(supervisor.programs / f"{agent.name}.conf"),
                "name_there": agent.name,
                "supervisor": supervisor.url,
                "username": secrets[supervisor.username_env] if supervisor.username_env else "",
                "password": secrets[supervisor.password_env] if supervisor.password_env else "",
                "base": f"http://{access.address}:{agent.health_port}",
            }
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "supervisorctl": str(Path(sys.executable).with_name("supervisorctl")),
        }
        self._inventory.write_text(json.dumps({"agents": {"hosts": hosts, "vars": common}}), encoding="utf-8")
        self._inventory.chmod(0o600)

    def activate(self) -> float:
        """Seconds until the playbook has ended well."""
        return self._play(',ENABLE_PROMETHEUS_METRICS="true"', 200)

    def bring_back(self) -> float:
        """The same way back."""
        return self._play("", 404)

    def _play(self, flag: str, answers: int) -> float:
        variables = json.dumps({"sizes": self._sizes, "flag": flag, "answers": answers})
        words = [str(self._playbook), "-i", str(self._inventory), "-f", str(FORKS), "-e", variables, str(PLAYBOOK)]
        began = time.perf_counter()
        ended = subprocess.run(words, env=os.environ | SETTINGS, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise SystemExit(f"the playbook failed, this is no measurement:\n{ended.stdout[-3000:]}{ended.stderr[-1000:]}")
        return time.perf_counter() - began


def measure(run: Run77, ansible: Ansible, rounds: int) -> dict[str, list[float]]:
    """Seconds by side and direction, in turns; one turn more goes first and is not counted."""
    took: dict[str, list[float]] = {"ours": [], "ours back": [], "ansible": [], "ansible back": []}
    for number in range(rounds + 1):
        turn = {"ours": ours(run), "ours back": run.roll_back(), "ansible": ansible.activate(), "ansible back": ansible.bring_back()}
        told = ", ".join(f"{side} {value:.1f} s" for side, value in turn.items())
        print(f"{f'round {number}' if number else 'warm-up'} (load {os.getloadavg()[0]:.1f}): {told}", flush=True)
        if number:
            for side, value in turn.items():
                took[side].append(value)
    return took


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--site", default="lab")
    parser.add_argument("--tools", type=Path, default=ROOT / "var" / "ansible")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="bench-") as folder:
        try:
            address = server.up(Path(folder), PORT)
            with temporary_settings({PREFECT_API_URL: address.api_url, PREFECT_LOGGING_LEVEL: "WARNING"}), run_on(options.site) as run:
                ansible = Ansible(run, ROOT / "fleets" / f"{options.site}.yaml", options.tools, Path(folder))
                took = measure(run, ansible, options.rounds)
        finally:
            server.down(Path(folder), force=True)
    for theirs, mine in (("ansible", "ours"), ("ansible back", "ours back")):
        one, two = median(took[theirs]), median(took[mine])
        print(f"{mine}: {two:.1f} s against {one:.1f} s, medians of {options.rounds}: {one / two:.1f} times as fast, goal {GOAL:.0f}")


if __name__ == "__main__":
    main()
