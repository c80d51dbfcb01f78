"""The end of a run whose fleet somebody else has taken."""

from __future__ import annotations

from pathlib import Path

from flows.conclusion import conclude
from rollout.errors import OwnershipLost, Refused
from rollout.ledger import Step
from rollout.report import Outcome
from rollout.report_file import read_report, write_report
from rollout.run_ledger import run_ledger
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.reports import report
from tests.unit.test_needs import run_of


def test_the_report_of_who_settled_the_run_stands(tmp_path: Path) -> None:
    """A process that wakes up after it was settled knows less: the quarantined agents' names are not written over."""
    site = memory_site(MemoryWorld(), tmp_path)
    run = run_of(site, 1)
    settled = report(outcome=Outcome.ROLLED_BACK, exit_code=3, sentence="Settled: 77 agents restored.")
    write_report(run.folder, settled)
    other = run_ledger(site.runs, run.run_id, site.clock)
    other.append(2, Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    other.append(2, Step.CLOSED, outcome="rolled back")
    assert conclude(run, OwnershipLost("fleet memory belongs to run-x now")) == settled
    assert read_report(run.folder) == settled


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
