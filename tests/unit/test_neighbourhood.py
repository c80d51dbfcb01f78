"""Restarts that a run did not make, and since when it looks for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import flows.neighbourhood
from flows.neighbourhood import restarts_since_the_batches
from tasks.validate import find_restarts
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of

SICK = "east/Agent0"


@pytest.mark.parametrize(("last_activation", "seen"), [(-25.0, [SICK]), (0.0, [])])
def test_a_crash_between_the_last_look_and_the_soak_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_activation: float, seen: list[str]
) -> None:
    """While the day waits for its scrapes nobody looks at a bake any more: the soak answers for that time. A later attempt answers for its own."""
    monkeypatch.setattr(flows.neighbourhood, "find_restarts", find_restarts.fn)
    world = MemoryWorld()
    run = run_of(memory_site(world, tmp_path), 1)
    began = run.site.clock.now()
    run.last_activation = last_activation and began + last_activation
    world.all[SICK].process = replace(world.all[SICK].process, pid=4711, started=began - 10)
    assert list(restarts_since_the_batches(run, [SICK, "west/Agent5"], began)) == seen
    assert run.record.notes == [f"{agent} ended by itself and was started again (10 s before the last look)" for agent in seen]
