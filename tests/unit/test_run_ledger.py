"""A run whose ledger was lost: what its agents were before is kept beside it, and settling looks at the agents themselves."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from shutil import rmtree

import pytest

import rollout.left_open
from rollout.errors import Held, Refused
from rollout.executor import Executor, Limits
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import ChangeKind
from rollout.report import Outcome
from rollout.run_ledger import REBUILT, run_ledger
from rollout.settlement import settle
from rollout.site import Site
from tests.fakes.machine import FLAG, MemoryWorld
from tests.fakes.site import found_by, memory_site

RUN = "run-1"


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents with their metrics off."""
    return MemoryWorld()


@pytest.fixture
def site(world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The place where they run."""
    site = memory_site(world, tmp_path)
    found_by(monkeypatch, site, rollout.left_open)
    return site


@pytest.fixture
def ledger(site: Site) -> Ledger:
    """Of a day 1 that changed Agent0 and Agent5, brought Agent0 back, intended Agent1 and died; then its folder was removed."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ledger = run_ledger(site.runs, RUN, site.clock)
    epoch = ownership.claim(RUN, site.runs)
    ledger.append(epoch, Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    change = site.change(ChangeKind.METRICS)
    executor = Executor(change, ledger, ownership, Limits(30, 10, 120, 20), site.clock)
    executor.activate([site.fleet.agent("east/Agent0"), site.fleet.agent("west/Agent5")], 1)
    executor.roll_back(["east/Agent0"])
    ledger.intend(epoch, change.snapshot([site.fleet.agent("east/Agent1")]), 2)
    rmtree(site.runs / RUN)
    return ledger


@pytest.mark.usefixtures("ledger")
def test_it_still_owns_its_fleet(site: Site) -> None:
    """A half-changed fleet is nobody else's, though the folder that says so is gone."""
    with pytest.raises(Refused, match=f"rollout settle {RUN} --site memory"):
        Ownership(site.state / "fleets", site.fleet.name, site.clock).claim("run-2", site.runs)


@pytest.mark.usefixtures("ledger")
def test_settling_brings_back_who_is_changed_and_touches_nobody_else(world: MemoryWorld, site: Site) -> None:
    """Agent0 was back and Agent1 never changed: their processes stay; the report says that the ledger was rebuilt, and afterwards all is settled."""
    before = {identity: each.process.pid for identity, each in world.all.items()}
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.outcome is Outcome.ROLLED_BACK
    assert {identity for identity, each in world.all.items() if FLAG in each.process.environment} == set()
    assert {identity for identity, each in world.all.items() if each.process.pid != before[identity]} == {"west/Agent5"}
    assert REBUILT in settled.unknowns
    assert settle(RUN, site.file) is None


def test_who_still_works_on_it_writes_all_of_it_again(site: Site, ledger: Ledger) -> None:
    """A run whose folder was removed under it loses no entry with its next one, also not those that only the ledger has."""
    steps = [entry.step for entry in ledger.entries]
    ledger.append(1, Step.APPLIED, ["east/Agent1"], batch=2)
    again = run_ledger(site.runs, RUN, site.clock)
    assert [entry.step for entry in again.entries] == [*steps, Step.APPLIED]
    assert not again.rebuilt


def test_a_run_that_was_closed_stays_closed(site: Site, ledger: Ledger) -> None:
    """Its agents keep what it gave them: a lost ledger of a complete run is no reason to take anything back."""
    ledger.append(1, Step.CLOSED)
    rmtree(site.runs / RUN)
    assert run_ledger(site.runs, RUN, site.clock).settled
    assert settle(RUN, site.file) is None


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
def test_a_claim_that_cannot_be_written_holds(site: Site, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """Who cannot renew a claim on disk stops before the next act, and who settles is told the file and the reason."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.claim(RUN, site.runs)

    def refuse(*_given: object, **_named: object) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", refuse)
        with pytest.raises(Held, match=rf"{site.fleet.name}\.json cannot be written \({os.strerror(error)}\)"):
            ownership.check()
    ownership.check()
