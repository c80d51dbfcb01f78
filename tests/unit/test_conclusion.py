"""The end of a run whose fleet somebody else has taken, or whose disk takes no report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from flows.attempts import decided
from flows.conclusion import conclude
from flows.day_run import DayRun
from flows.guard import reverse
from rollout.errors import GateFailed, Held, OwnershipLost, Refused
from rollout.judgement_file import JudgedBy
from rollout.ledger import Step
from rollout.ownership import Ownership
from rollout.report import Outcome
from rollout.report_file import read_report, write_report
from rollout.run_ledger import run_ledger
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.reports import BATCH, report
from tests.unit.test_needs import run_of


def test_the_report_of_who_settled_the_run_stands(tmp_path: Path) -> None:
    """A process that wakes up after it was settled knows less: the quarantined agents' names are not written over."""
    site = memory_site(MemoryWorld(), tmp_path)
    run = run_of(site, 1)
    settled = report(outcome=Outcome.ROLLED_BACK, exit_code=3, sentence="Settled: 77 agents restored.")
    write_report(run.folder, settled)
    opened(run)
    told = lost(run)
    run_ledger(site.runs, run.run_id, site.clock).append(2, Step.CLOSED, outcome="rolled back")
    assert conclude(run, told) == settled
    assert read_report(run.folder) == settled


@pytest.mark.parametrize("error", [None, Held("no metrics source for 10 s")], ids=["told so", "ended by something else"])
def test_who_lost_the_fleet_leaves_the_report_to_who_has_it(tmp_path: Path, error: Held | None) -> None:
    """Whoever took it may be writing theirs in that moment: theirs is the only one, and the ledger is theirs too."""
    run = run_of(memory_site(MemoryWorld(), tmp_path), 1)
    opened(run)
    told = lost(run)
    entries = run.ledger.entries
    conclude(run, error or told)
    assert read_report(run.folder) is None
    assert run_ledger(run.site.runs, run.run_id, run.site.clock).entries == entries


@pytest.mark.parametrize("error", [None, GateFailed("impact", (), "latency +30 %")], ids=["went well", "went back"])
def test_a_run_whose_report_cannot_be_written_stays_open(tmp_path: Path, error: GateFailed | None) -> None:
    """Held, whatever came out of it: nothing is complete that nobody could read about. The ledger says why, and the fleet is let go of."""
    run = run_of(memory_site(MemoryWorld(), tmp_path), 1)
    opened(run)
    run.folder.parent.mkdir(parents=True)
    run.folder.write_text("in the place of the folder")
    with pytest.raises(Held, match=r"the report .*run-x cannot be written \(Not a directory\)"):
        conclude(run, error)
    assert run.ledger.entries[-1].step is Step.HELD
    assert ("latency +30 %" in run.ledger.entries[-1].facts["cause"]) is (error is not None)
    assert "cannot be written" in run.ledger.entries[-1].facts["cause"]
    holder = run.ownership.holder()
    assert holder is not None
    assert not holder.alive(run.site.clock.now())


def test_who_lost_the_fleet_writes_nothing_of_what_it_still_does(tmp_path: Path) -> None:
    """Stopped in a bake and woken after it was settled: neither a judgement, nor samples, nor a decision, nor a rollback is on record."""
    run = run_of(memory_site(MemoryWorld(), tmp_path), 1)
    opened(run)
    lost(run)
    entries = run.ledger.entries
    frame = pd.DataFrame({"agent": ["east/Agent0"]})
    for act in (
        lambda: run.keep_samples("batch-01", frame),
        lambda: run.keep_judgements(None, JudgedBy(run.policy)),
        lambda: decided(run, BATCH, goes_on=True),
        lambda: reverse(run, None, "gate impact: latency +30 %"),
    ):
        with pytest.raises(OwnershipLost):
            act()
    assert run_ledger(run.site.runs, run.run_id, run.site.clock).entries == entries
    assert not run.folder.exists()


def opened(run: DayRun) -> None:
    """It has claimed the fleet and begun."""
    run.ledger.append(run.ownership.claim(run.run_id, run.site.runs), Step.OPENED, day=1, plan="week3", site="memory", change="metrics")


def lost(run: DayRun) -> OwnershipLost:
    """What the run is told at its next look, now that another process has taken the fleet to settle it."""
    Ownership(run.site.state / "fleets", run.site.fleet.name, run.site.clock).take_over(run.run_id)
    with pytest.raises(OwnershipLost) as told:
        run.ownership.check()
    return told.value


def test_a_repetition_that_is_refused_leaves_the_report_of_the_first_attempt_alone(tmp_path: Path) -> None:
    """A Retry in a freeze window measured nothing: what the run measured before it was rolled back stays on record."""
    site = memory_site(MemoryWorld(), tmp_path)
    other = run_ledger(site.runs, "run-x", site.clock)
    other.append(1, Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    other.append(1, Step.CLOSED, outcome="rolled back")
    run = run_of(site, 1)
    first = report(outcome=Outcome.ROLLED_BACK, exit_code=3)
    write_report(run.folder, first)
    assert conclude(run, Refused("fleet memory is frozen")) == first
    assert read_report(run.folder) == first


def test_a_process_that_stood_still_on_its_way_out_leaves_the_report_of_who_settled_it(tmp_path: Path) -> None:
    """It believes to have completed its day, and nobody has told it otherwise."""
    site = memory_site(MemoryWorld(), tmp_path)
    run = run_of(site, 1)
    run.ledger.append(run.ownership.claim(run.run_id, site.runs), Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    other = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    run_ledger(site.runs, run.run_id, site.clock).append(other.take_over(run.run_id), Step.CLOSED, outcome="rolled back")
    settled = report(outcome=Outcome.ROLLED_BACK, exit_code=3, sentence="Settled: 77 agents restored.")
    write_report(run.folder, settled)
    assert conclude(run, None) == settled
    assert read_report(run.folder) == settled
    assert run_ledger(site.runs, run.run_id, site.clock).entries[-1].facts["outcome"] == "rolled back"
