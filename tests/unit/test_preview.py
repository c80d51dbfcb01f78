"""A dry run tells what a day would do and touches nobody."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from flows.preview import preview
from rollout.errors import Unreachable
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of


@pytest.fixture
def world() -> MemoryWorld:
    """Ten agents on two machines."""
    return MemoryWorld()


def test_it_tells_batches_and_what_would_change_on_whom(world: MemoryWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every agent stands in a batch and beside the change that it would get; no process is another afterwards."""
    run = run_of(memory_site(world, tmp_path), 1, dry_run=True)
    run.log = logging.getLogger("preview")
    before = {name: each.process for name, each in world.all.items()}
    with caplog.at_level(logging.INFO, "preview"):
        preview(run)
    batched = [line for line in caplog.messages if line.startswith("would activate batch ")]
    changed = [line for line in caplog.messages if line.startswith("ENABLE_PROMETHEUS_METRICS ")]
    for name in before:
        assert sum(name in line.replace(",", "").split() for line in batched) == 1
        assert sum(name in line.replace(",", "").split() for line in changed) == 1
    assert all("-> true" in line for line in changed)
    assert {name: each.process for name, each in world.all.items()} == before
    assert run.record.notes[-1].endswith("nothing was touched")


def test_a_machine_that_does_not_answer_is_no_preview(world: MemoryWorld, tmp_path: Path) -> None:
    """A dry run checks: where the present state cannot be seen it says so instead of promising a change."""
    world.west.unreachable = True
    run = run_of(memory_site(world, tmp_path), 1, dry_run=True)
    run.log = logging.getLogger("preview")
    with pytest.raises(Unreachable):
        preview(run)
