"""Adopting what runs: real supervisords, processes and a Prometheus that nobody prepared for it; nothing is changed by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.preview import preview
from lab.supervisor import read_credentials
from rollout.fleet import load_fleet
from rollout.plan import load_plan
from rollout.site_file import load_site_file
from tests.lab.world_of_six import FLEETS, Six

pytestmark = pytest.mark.lab
WEEK3 = FLEETS.parent / "plans" / "week3.yaml"


def pids(six: Six) -> dict[str, int]:
    """The process of each agent."""
    return {agent: six.supervisor(place.machine).programs()[place.name]["pid"] for agent, place in six.site.agents.items()}


def test_the_lab_of_six_is_adopted_as_it_is(six: Six, tmp_path: Path) -> None:
    """Six agents with the ports of the fleet's own file, both addresses, the hub and its metrics; the files are good and hold no secret."""
    before = pids(six)
    machines = {name: six.site.machine(name) for name in ("mainpc", "pc2")}
    words = ["adopt", "found", "--prometheus", f"http://{machines['mainpc'].address}:9000", "--hours", "0.05", "--out", str(tmp_path)]
    for name in machines:
        words += ["--supervisor", f"{name}=unix://{six.site.state / name / 'supervisor.sock'}"]
    words += ["--credentials", "ROLLOUT_SUPERVISOR_USER:ROLLOUT_SUPERVISOR_PASSWORD", "--secrets", str(six.site.state / "supervisor.env")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    site, fleet = load_site_file(tmp_path / "found.yaml")
    ports = {agent.id: (agent.port, agent.health_port) for agent in fleet.agents}
    assert ports == {agent.id: (agent.port, agent.health_port) for agent in load_fleet(FLEETS / "six.yaml").agents}
    assert {name: access.address for name, access in site.machines.items()} == {name: machine.address for name, machine in machines.items()}
    assert {name: access.supervisor.programs for name, access in site.machines.items()} == {name: each.programs for name, each in machines.items()}
    assert CliRunner().invoke(app, ["fleet", "check", str(tmp_path / "found.yaml")]).exit_code == 0
    preview(1, *load_site_file(tmp_path / "found.yaml"), load_plan(WEEK3))
    text = "".join(file.read_text(encoding="utf-8") for file in tmp_path.glob("*.yaml"))
    assert "API_TOKEN" in text
    credentials = read_credentials(six.site.state)
    assert credentials is not None
    assert credentials.password not in text
    for metric in ("latency_load_request_seconds", "cpu_rollout_process_cpu_seconds_total", "memory_rollout_process_resident_bytes"):
        assert metric in result.output
    assert pids(six) == before
