"""Criterion P.9: the way back counts as open by what was tried, not by what could be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.site import Site
from rollout.verdict import Finding, Verdict
from tasks.checklist import check_rollback_access
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents on two machines."""
    return MemoryWorld()


@pytest.fixture
def site(world: MemoryWorld, tmp_path: Path) -> Site:
    """The place where they run."""
    return memory_site(world, tmp_path / "state")


def check(site: Site) -> Finding:
    """What the check says of all of them."""
    (finding,) = check_rollback_access.fn(site, site.fleet.agents)
    return finding


def test_what_can_be_edited_and_recorded_can_go_back(site: Site) -> None:
    """All agents, with what was tried as its evidence; nothing of the trial stays."""
    finding = check(site)
    assert (finding.verdict, finding.observed) == (Verdict.PASS, "6 of 6")
    assert finding.evidence is not None
    assert finding.evidence.samples == 6
    assert list(site.state.iterdir()) == []


def test_a_lost_configuration_is_named(world: MemoryWorld, site: Site) -> None:
    """One agent's alone; the others still count."""
    world.east.lost = {"Agent1"}
    finding = check(site)
    assert (finding.verdict, finding.observed, finding.agents) == (Verdict.FAIL, "5 of 6", ("east/Agent1",))
    assert "Agent1.conf has no [program:Agent1]" in finding.sentence


def test_a_state_folder_that_takes_no_ledger_is_no_way_back(site: Site) -> None:
    """Nothing may be changed that cannot be recorded, so nothing could be brought back either."""
    site.state.write_text("a file where the folder should be", encoding="utf-8")
    finding = check(site)
    assert finding.verdict is Verdict.FAIL
    assert "takes no ledger" in finding.sentence
