"""An embedded server that asks for a login: workers and runs have it, strangers are turned away, and it is written down nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect.client.schemas.objects import StateType

from deployments import server
from deployments.address import ServerAddress, folder_of
from deployments.apply import apply
from deployments.processes import processes_of
from deployments.programs import DEMANDED, LOGIN
from deployments.trigger import trigger
from deployments.watch import watch
from rollout.errors import Refused
from tests.ports import unused_port

MANIFEST = Path(__file__).with_name("prefect.yaml")
SECRET = "canary-5f1c"

pytestmark = [pytest.mark.lab, pytest.mark.full]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder whose server asks for a login."""
    folder = tmp_path_factory.mktemp("in")
    yield folder
    server.down(folder, force=True)


@pytest.fixture
def asking(state: Path, monkeypatch: pytest.MonkeyPatch) -> ServerAddress:
    """That server up, and the login in the environment."""
    monkeypatch.setenv(LOGIN, f"sre:{SECRET}")
    present = server.status(state).address
    return server.up(state, present.port if present else unused_port())


def test_a_run_completes_and_strangers_are_turned_away(asking: ServerAddress, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the login a deployment is applied, run by a worker and followed to its end; without it only the question for its health is answered."""
    apply(asking.api_url, MANIFEST)
    run = trigger("nap", {"parameters": {"seconds": 0.1}}, asking.api_url)
    assert watch(run, lambda _: None, api_url=asking.api_url, deadline=60, poll=0.5).type is StateType.COMPLETED
    with httpx.Client(trust_env=False) as stranger:
        assert stranger.post(f"{asking.api_url}/flow_runs/filter", json={}).status_code == httpx.codes.UNAUTHORIZED
        assert stranger.post(f"{asking.api_url}/flow_runs/filter", json={}, auth=("sre", "guess")).status_code == httpx.codes.UNAUTHORIZED
    monkeypatch.delenv(LOGIN)
    with pytest.raises(Refused, match=f"asks for a login to start nap: set {LOGIN} to USER:PASSWORD"):
        trigger("nap", {"parameters": {"seconds": 0.1}}, asking.api_url)
    assert server.status(state).whole


def test_the_password_is_written_down_nowhere(asking: ServerAddress, state: Path) -> None:
    """No file of the server's folder and no command line of its processes has it, after a run that has said it."""
    files = [file for file in folder_of(state).rglob("*") if file.is_file()]
    assert any(file.name == "prefect.db" for file in files)
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []
    lines = [Path(f"/proc/{each.pid}/cmdline").read_bytes() for each in processes_of(folder_of(state))]
    assert lines != []
    assert not [line for line in lines if SECRET.encode() in line]


def test_a_server_of_another_kind_is_not_taken_for_the_wanted_one(asking: ServerAddress, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`up` refuses when the server that runs asks for a login and none is given, or when server and clients are given different ones."""
    monkeypatch.delenv(LOGIN)
    with pytest.raises(Refused, match="runs with a login"):
        server.up(state, asking.port)
    monkeypatch.setenv(DEMANDED, os.urandom(4).hex())
    with pytest.raises(Refused, match=f"{DEMANDED} is set and {LOGIN} is not the same"):
        server.up(state, asking.port)
