"""Which agents a hub scrapes: the file that says so, and the hub that reads it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from rollout.errors import SourceFault
from rollout.services.hub_targets import HubTargets
from rollout.transports.local import LocalTransport
from tests.fakes.machine import MemoryWorld

AGENTS = MemoryWorld().agents
ADDRESSES = {"east": "10.0.0.1", "west": "10.0.0.2"}


def targets(folder: Path, answer: httpx.Response | Exception | None = None) -> HubTargets:
    """Targets below that folder, of a hub that gives that answer."""

    def handle(_request: httpx.Request) -> httpx.Response:
        assert answer is not None
        if isinstance(answer, Exception):
            raise answer
        return answer

    return HubTargets("http://hub.test", folder, LocalTransport("127.0.0.1"), ADDRESSES, httpx.Client(transport=httpx.MockTransport(handle)))


def test_what_is_added_stands_in_the_file_with_its_labels(tmp_path: Path) -> None:
    """As file_sd reads it: the health port at the machine's address, and what the fleet says of the agent."""
    targets(tmp_path).add([AGENTS[4], AGENTS[0]])
    assert json.loads((tmp_path / "agents.json").read_text(encoding="utf-8")) == [
        {"targets": ["10.0.0.1:8000"], "labels": {"machine": "east", "agent": "Agent0", "group": "group", "tier": "required"}},
        {"targets": ["10.0.0.2:8004"], "labels": {"machine": "west", "agent": "Agent4", "group": "group", "tier": "required"}},
    ]


def test_targets_come_and_go_by_themselves(tmp_path: Path) -> None:
    """Adding keeps the others, twice is once, and removing takes only the named ones."""
    hub = targets(tmp_path)
    assert hub.written() == frozenset()
    hub.add(AGENTS[:2])
    hub.add(AGENTS[1:3])
    assert hub.written() == {"east/Agent0", "east/Agent1", "east/Agent2"}
    hub.remove(["east/Agent1", "west/Agent5"])
    assert hub.written() == {"east/Agent0", "east/Agent2"}


def test_removing_what_is_not_there_writes_nothing(tmp_path: Path) -> None:
    """A rollback before the first activation leaves no file behind."""
    targets(tmp_path).remove(["east/Agent0"])
    assert list(tmp_path.iterdir()) == []


def test_the_hub_itself_says_what_it_scrapes(tmp_path: Path) -> None:
    """Only the agents' own job counts; down is told as down."""
    active = [
        {"labels": {"job": "agents", "machine": "east", "agent": "A"}, "health": "up"},
        {"labels": {"job": "agents", "machine": "east", "agent": "B"}, "health": "unknown"},
        {"labels": {"job": "process", "machine": "east"}, "health": "up"},
    ]
    answer = httpx.Response(200, json={"data": {"activeTargets": active}})
    assert targets(tmp_path, answer).active() == {"east/A": True, "east/B": False}


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, text="x"), httpx.Response(200, json={})])
def test_a_hub_that_does_not_tell_is_a_source_fault(tmp_path: Path, answer: httpx.Response | Exception) -> None:
    """No answer is not "scrapes nobody"."""
    if isinstance(answer, httpx.Response):
        answer.request = httpx.Request("GET", "http://hub.test")
    with pytest.raises(SourceFault, match="does not tell its targets"):
        targets(tmp_path, answer).active()
