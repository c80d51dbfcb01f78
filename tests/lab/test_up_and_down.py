"""The lab comes up whole, refuses what it must, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from ipaddress import ip_address
from pathlib import Path

import pytest

from lab.ports import claims, is_free
from tests.lab.listening import listening
from tests.lab.world_of_six import Six, get

pytestmark = pytest.mark.lab


def test_status_counts_everything_of_a_lab_that_is_up(six: Six) -> None:
    """A lab that is up has all agents healthy, all targets in its hub and no complaint."""
    status = six.run("status", "--json")
    view = json.loads(status.stdout)
    assert status.returncode == 0
    assert [(m["name"], m["agents"], m["unhealthy"]) for m in view["machines"]] == [("mainpc", 4, {}), ("pc2", 2, {})]
    assert (view["hubs"][0]["targets_up"], view["hubs"][0]["probes"], view["complaints"]) == (10, 6, [])


def test_up_refuses_a_lab_that_is_up(six: Six) -> None:
    """A second `up` says that the lab is up and disturbs nobody."""
    before = sorted(six.processes())
    again = six.run("up")
    assert again.returncode == 1
    assert "is up already" in again.stderr
    assert sorted(six.processes()) == before


def test_agents_start_with_metrics_off_and_a_flag_in_some_files(six: Six) -> None:
    """Nobody has metrics at first; in some files the flag says false and in the others it is absent."""
    untouched = [agent for agent in six.site.agents if agent != "pc2/CacheManager"]  # other tests switch that one on
    assert {six.get(agent, "/metrics")[0] for agent in untouched} == {404}
    files = [(six.site.machine(agent.machine).programs / f"{agent.name}.conf").read_text() for agent in map(six.agent, untouched)]
    assert {'ENABLE_PROMETHEUS_METRICS="false"' in text for text in files} == {True, False}
    assert not [text for text in files if '"true"' in text]


def test_metrics_come_with_the_flag_and_the_other_settings_reach_the_process(six: Six) -> None:
    """The flag brings the four families; a setting with a comma and per cent signs arrives whole."""
    six.activate("pc2/CacheManager")
    status, text = six.get("pc2/CacheManager", "/metrics")
    assert status == 200
    for family in ("agent_requests_total", "agent_request_seconds_bucket", "agent_startup_seconds", "agent_build_info"):
        assert family.encode() in text
    environment = Path(f"/proc/{six.health('pc2/CacheManager')['pid']}/environ").read_bytes().split(b"\0")
    assert b"LOG_FORMAT=%(levelname)s, %(message)s" in environment


def test_the_supervisor_wants_the_password_on_both_doors_and_nobody_else_can_read_it(six: Six) -> None:
    """Without the password the inet server answers 401; the files that hold it are the owner's alone, and no command line shows it."""
    assert get(six.site.machine("mainpc").address, 9011, "/RPC2")[0] == 401
    folder = six.site.machine("mainpc").folder
    for file in (six.site.state / "supervisor.env", folder / "supervisord.conf", folder / "conf.d" / "ServiceRegistry.conf"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    variables = dict(line.split("=", 1) for line in (six.site.state / "supervisor.env").read_text().split())
    passwords = [value.encode() for name, value in variables.items() if "PASSWORD" in name]
    assert len(passwords) == 2
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in six.processes()]
    assert len(lines) > 10
    assert not [line for line in lines if any(password in line for password in passwords)]


def test_nothing_of_a_lab_listens_beyond_loopback(six: Six) -> None:
    """Supervisors, agents, the hub and every exporter take connections at addresses of the loopback interface and nowhere else."""
    addresses = listening(six.processes())
    assert {machine.address for machine in six.site.machines} <= addresses
    assert [address for address in addresses if not ip_address(address).is_loopback] == []


def test_a_taken_port_is_refused_by_name_before_anything_starts(site_file: Path) -> None:
    """`up` names the port, who wanted it and the pid that holds it, and has started nothing."""
    lab = Six(site_file)
    with socket.socket() as squatter:
        squatter.bind((lab.site.machine("mainpc").address, 7220))
        squatter.listen()
        refused = lab.run("up")
    assert refused.returncode == 1
    assert f"7220 wanted by mainpc/SystemDigitalTwin, held by pid {os.getpid()}" in refused.stderr
    assert not lab.processes()
    assert not lab.site.state.exists()


def test_down_cleans_up_after_kill_9_and_up_works_again(site_file: Path) -> None:
    """Orphans of a killed supervisord are swept by `up` and by `down`; nothing listens at the end, and a second `down` is fine."""
    lab = Six(site_file)
    assert lab.run("up").returncode == 0
    os.kill(lab.supervisor("mainpc").pid(), signal.SIGKILL)
    up = lab.run("up")
    assert up.returncode == 0, up.stderr
    assert "swept" in up.stdout
    for machine in lab.site.machines:
        os.kill(lab.supervisor(machine.name).pid(), signal.SIGKILL)
    down = lab.run("down")
    assert down.returncode == 0, down.stderr
    assert not lab.processes()
    assert all(is_free(claim.address, claim.port) for claim in claims(lab.site))
    assert lab.run("down").returncode == 0
