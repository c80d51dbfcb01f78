"""What was found of machines and metrics as files; tests/lab/test_adopted.py adopts real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.preview import preview
from rollout.adopt.files import Secrets, fleet_text, impact_text, site_text, write_new
from rollout.adopt.machine import FoundAgent, FoundMachine
from rollout.adopt.metrics import Candidate, FoundPrometheus, impact_metrics
from rollout.document import read_yaml
from rollout.errors import InputError, Refused
from rollout.plan import ImpactMetric, load_plan
from rollout.site_file import load_site_file

WEEK3 = Path(__file__).resolve().parents[2] / "plans" / "week3.yaml"
AGENTS = (FoundAgent("A", 7000, 8000, ("API_TOKEN", "MODE"), ()), FoundAgent("B", 7001, 8001, (), (9001,)))
EAST = FoundMachine(
    "east", "unix:///run/supervisor.sock", "10.0.0.1", Path("/etc/supervisor/conf.d"), AGENTS, {"web:web_00": "part of supervisord group web"}
)
PROMETHEUS = FoundPrometheus("http://10.0.0.1:9090", 2, 3, 15.0, None, ())
SERIES = (
    "http_request_seconds_count", "http_request_seconds_sum", "process_cpu_seconds_total", "process_resident_memory_bytes", "app_errors_total",
    "app_requests_total", "lonely_seconds_sum", "up",
)  # fmt: skip


def test_the_files_are_loaded_as_a_run_loads_them(tmp_path: Path) -> None:
    """Ports, address and programs; environment by name; what is left out by name and reason; a day can be previewed."""
    secrets = Secrets("SUPERVISOR_USER", "SUPERVISOR_PASSWORD", None)
    files = {
        tmp_path / "mine-fleet.yaml": fleet_text("mine", [EAST]),
        tmp_path / "mine.yaml": site_text("mine", tmp_path, [EAST], PROMETHEUS, secrets),
    }
    write_new(files)
    site, fleet = load_site_file(tmp_path / "mine.yaml")
    assert {agent.id: (agent.port, agent.health_port) for agent in fleet.agents} == {"east/A": (7000, 8000), "east/B": (7001, 8001)}
    access = site.machines["east"]
    assert (access.address, access.supervisor.programs, access.supervisor.username_env) == ("10.0.0.1", EAST.programs, "SUPERVISOR_USER")
    assert (site.scrape_interval, site.hubs[0].url, site.hubs[0].machine) == (15.0, PROMETHEUS.url, "east")
    text = (tmp_path / "mine-fleet.yaml").read_text(encoding="utf-8")
    for told in ("environment: API_TOKEN, MODE", "further ports: 9001", "east/web:web_00: part of supervisord group web"):
        assert told in text
    assert "no file_sd_configs yet" in (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    preview(1, *load_site_file(tmp_path / "mine.yaml"), load_plan(WEEK3))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file that exists keeps every other one from being written."""
    (tmp_path / "second.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="overwrites nothing"):
        write_new({tmp_path / "first.yaml": "x", tmp_path / "second.yaml": "x"})
    assert [file.name for file in tmp_path.iterdir()] == ["second.yaml"]


def test_a_place_where_nothing_can_be_managed_is_refused() -> None:
    """A fleet without agents is no fleet."""
    with pytest.raises(Refused, match="nothing that runs can be managed yet"):
        fleet_text("mine", [FoundMachine("east", "unix:///x", "10.0.0.1", Path("/x"), (), {"web": "part of a group"})])


def test_metrics_are_known_by_the_usual_names_and_in_pairs(tmp_path: Path) -> None:
    """Latency needs sum and count, errors need requests; the list is one that a plan takes, and says what was not measured."""
    found = impact_metrics(SERIES)
    assert [metric.name for metric in found] == [
        "errors_app_errors_total", "latency_http_request_seconds", "cpu_process_cpu_seconds_total", "memory_process_resident_memory_bytes",
    ]  # fmt: skip
    file = tmp_path / "impact.yaml"
    file.write_text(impact_text([Candidate(metric, None, "no agent of this fleet has it") for metric in found], 2), encoding="utf-8")
    assert tuple(ImpactMetric.model_validate(entry) for entry in read_yaml(file)["impact"]) == found
    assert file.read_text(encoding="utf-8").count("not measured: no agent of this fleet has it") == 4
