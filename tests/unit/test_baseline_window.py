"""What a baseline is taken from: a whole window, in which nobody has just come up."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from prefect.logging import disable_run_logger

from flows import baseline
from flows.day_run import DayRun
from rollout.parameters import DayParameters
from rollout.plan import load_plan
from tasks.validate import find_young
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site

PLAN = load_plan(Path(__file__).parents[2] / "plans" / "week3.yaml")


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents that have been up for an hour."""
    return MemoryWorld()


@pytest.fixture
def run(world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DayRun:
    """Day 1 on them, with samples of every metric whenever one looks."""
    with disable_run_logger():
        made = DayRun("run-x", PLAN, PLAN.day(1), memory_site(world, tmp_path), DayParameters())
    rows = [(agent.id, metric.name) for agent in world.agents for metric in made.day.impact for _ in range(100)]
    monkeypatch.setattr(baseline, "_window", lambda *_: pd.DataFrame(rows, columns=["agent", "metric"]))
    monkeypatch.setattr(baseline, "find_young", find_young.fn)
    return made


def test_a_fleet_that_has_been_up_is_not_waited_for(world: MemoryWorld, run: DayRun) -> None:
    """The window that ends now."""
    began = world.clock.now()
    _, evidence = baseline._full_window(run, run.day)
    assert (evidence.end, world.clock.now()) == (began, began)


def test_an_agent_that_has_just_started_is_waited_for(world: MemoryWorld, run: DayRun) -> None:
    """Its start, and what it settles after it, lie before the window that is taken."""
    began = world.clock.now()
    world.west.restart(["Agent4"], run.deadline(30), lambda: None)
    _, evidence = baseline._full_window(run, run.day)
    settle = run.windows.settle * run.site.scrape_interval
    assert evidence.start - settle >= began
    assert evidence.end - began < 1.5 * (evidence.end - evidence.start + settle)


def test_one_that_never_stays_up_is_not_waited_for_for_ever(world: MemoryWorld, run: DayRun) -> None:
    """It starts anew at every look; when the time is over the suite has to say what that baseline is worth."""

    def restart(_now: float) -> None:
        world.west.restart(["Agent4"], run.deadline(30), lambda: None)

    world.clock.on_sleep = restart
    world.west.restart(["Agent4"], run.deadline(30), lambda: None)
    began = world.clock.now()
    baseline._full_window(run, run.day)
    assert 0 < world.clock.now() - began < 1.5 * (run.windows.before + run.windows.settle) * run.site.scrape_interval
