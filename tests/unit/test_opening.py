"""A run claims its fleet with the ledger that is on disk, not with the one that it read when it began."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.opening import own_the_fleet
from rollout.errors import Refused
from rollout.ledger import Step
from rollout.ownership import Ownership
from rollout.run_ledger import run_ledger
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of


def test_a_retry_that_was_settled_while_it_began_is_refused(tmp_path: Path) -> None:
    """It would take agents that were brought back for changed ones; the fleet is free for whoever starts it again."""
    site = memory_site(MemoryWorld(), tmp_path)
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    other = run_ledger(site.runs, "run-x", site.clock)
    other.append(ownership.claim("run-x", site.runs), Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    ownership.release()
    run = run_of(site, 1)
    other.append(1, Step.CLOSED, outcome="rolled back")
    with pytest.raises(Refused, match="somebody settled this run while it began"):
        own_the_fleet(run)
    assert ownership.claim("run-y", site.runs) > 0
