"""docs/tutorial.md is true: its code carries a change out, sees through a lie, and brings everything back."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from rollout.changes.environment import EnvironmentChange
from rollout.executor import Executor, Limits
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.site import Site
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
AGENTS = ("east/Agent0", "west/Agent5")


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents whose /health says the release that their process was started with."""
    world = MemoryWorld()
    for each in world.all.values():

        def answer(_: httpx.Request, each: Any = each) -> httpx.Response:
            process = each.process
            said = {"pid": process.pid, "started": process.started, "version": process.environment.get("APP_RELEASE", "1"), "features": {}}
            return httpx.Response(200, json=said)

        each.health = answer
    return world


@pytest.fixture
def site(world: MemoryWorld, tmp_path: Path) -> Site:
    """The place where they run."""
    return memory_site(world, tmp_path)


@pytest.fixture
def change(site: Site, monkeypatch: pytest.MonkeyPatch) -> EnvironmentChange:
    """The page's file, as a module."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module = ModuleType("release")
    monkeypatch.setitem(sys.modules, "release", module)
    exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102 (our own page)
    made: EnvironmentChange = module.Release("release", site.fleet, site.machines, site.prober, {"APP_RELEASE": "2"})
    return made


@pytest.fixture
def executor(site: Site, change: EnvironmentChange) -> Executor:
    """What carries it out and back, under a ledger."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ledger = Ledger(site.runs / "run-1" / "ledger.jsonl", site.clock)
    ledger.append(ownership.claim("run-1", site.runs), Step.OPENED, day=1, plan="tutorial", site=site.name, change="release")
    return Executor(change, ledger, ownership, Limits(30, 10, 120, 20), site.clock)


def test_it_is_carried_out_and_brought_back(world: MemoryWorld, site: Site, executor: Executor) -> None:
    """Both agents run the new release, read back; the rollback restores and reads back the old one."""
    assert not executor.activate([site.fleet.agent(agent) for agent in AGENTS], 1).failed
    assert {world.all[agent].process.environment.get("APP_RELEASE") for agent in AGENTS} == {"2"}
    back = executor.roll_back()
    assert set(back.restored) == set(AGENTS)
    assert {world.all[agent].process.environment.get("APP_RELEASE") for agent in AGENTS} == {None}


def test_an_agent_that_keeps_its_old_release_is_not_changed(world: MemoryWorld, site: Site, executor: Executor) -> None:
    """It took the key and restarted, and says version 1: the page's own witness finds it."""
    liar = world.all["east/Agent0"]
    truthful = liar.health
    assert truthful is not None

    def lies(request: httpx.Request) -> httpx.Response:
        said = truthful(request).json()
        return httpx.Response(200, json=said | {"version": "1"})

    liar.health = lies
    activation = executor.activate([site.fleet.agent(agent) for agent in AGENTS], 1)
    assert list(activation.failed) == ["east/Agent0"]
    assert "/health says version 1" in next(reading.reason for reading in activation.readings if reading.agent == "east/Agent0")
