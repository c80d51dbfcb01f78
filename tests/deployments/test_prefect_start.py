"""Starts that are refused before anything runs, and what the programs are given."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from deployments import server
from deployments.address import ServerAddress, api_url, folder_of, read_address, write_address
from deployments.processes import MARK, RUN, ServerProcess, end, processes_of, send
from deployments.programs import HOST, configuration, environment, programs
from rollout.clock import SystemClock
from rollout.errors import Refused


@pytest.fixture(autouse=True)
def no_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tester's own Prefect does not matter here."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def test_a_taken_port_is_refused_by_name(tmp_path: Path) -> None:
    """The holder of the port is named with its pid, and nothing was started or written that later commands would believe."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"port {port} is taken by pid {os.getpid()}: "):
            server.up(tmp_path, port)
    assert not processes_of(folder_of(tmp_path))
    assert read_address(folder_of(tmp_path)) is None


def test_an_own_server_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PREFECT_API_URL set no second server is started, and days run on the user's."""
    write_address(tmp_path, ServerAddress(4200))
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    with pytest.raises(Refused, match=r"your own server http://prefect\.example/api"):
        server.up(tmp_path)
    assert api_url(tmp_path) == "http://prefect.example/api"


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """Otherwise supervisord would fail with a sentence that nobody understands."""
    with pytest.raises(Refused, match="too long for a unix socket"):
        server.up(tmp_path / ("long" * 25))


def test_two_commands_at_once_are_kept_apart(tmp_path: Path) -> None:
    """While one command starts or stops a server, a second one is refused."""
    with server.alone(folder_of(tmp_path)), pytest.raises(Refused, match="right now"):
        server.down(tmp_path)


def test_nothing_to_stop_is_fine(tmp_path: Path) -> None:
    """`down` of a server that never was neither fails nor makes a folder."""
    server.down(tmp_path)
    assert not folder_of(tmp_path).exists()


def test_a_reused_pid_gets_no_signal(tmp_path: Path) -> None:
    """A recorded pid that now belongs to a process without the mark is spared; one with the mark is ended, its run is known."""
    sleeper = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    marked = os.environ | {MARK: str(tmp_path), RUN: "a-run"}
    with (
        subprocess.Popen(sleeper, stdout=subprocess.PIPE) as stranger,
        subprocess.Popen(sleeper, stdout=subprocess.PIPE, env=marked) as ours,
    ):
        for process in (stranger, ours):
            assert process.stdout is not None
            process.stdout.readline()
        assert [(each.pid, each.run) for each in processes_of(tmp_path)] == [(ours.pid, "a-run")]
        send(ServerProcess(stranger.pid, 0, None, "", 0.0), signal.SIGKILL, tmp_path)
        end(processes_of(tmp_path), tmp_path, SystemClock(), patience=5.0)
        assert ours.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
        stranger.kill()


def test_settings_of_another_prefect_do_not_leak_in(tmp_path: Path) -> None:
    """Runs see what sites need from the caller's environment, but no key, profile or database of the caller's own Prefect."""
    given = environment(tmp_path, 4321, {"SITE_PASSWORD": "toy", "PREFECT_API_KEY": "toy", "PREFECT_SERVER_DATABASE_CONNECTION_URL": "x"})
    assert given["SITE_PASSWORD"] == "toy"
    assert "PREFECT_API_KEY" not in given
    assert "PREFECT_SERVER_DATABASE_CONNECTION_URL" not in given
    assert given["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
    assert Path(given["PREFECT_HOME"]).is_relative_to(tmp_path)


def test_no_setting_stands_in_the_configuration(tmp_path: Path) -> None:
    """Secrets travel in the environment only; the server listens on loopback; a per cent sign in a path survives."""
    folder = tmp_path / "50%"
    text = ConfigParser(interpolation=None)
    text.read_string(configuration(folder, 4321))
    for program in programs(4321):
        assert "environment" not in text[f"program:{program.name}"]
    assert f"--host {HOST} --port 4321" in text["program:server"]["command"]
    assert text["supervisord"]["pidfile"] == str(folder / "supervisord.pid").replace("%", "%%")
    assert text["unix_http_server"]["chmod"] == "0700"
