"""What stands before a day, in a week and alone: refused by name, overridden on record, and asked once."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from flows.day_run import DayRun
from flows.days import MEASURES, deployment_of, measures_of
from flows.needs import meet_needs
from rollout.audit import AuditFile, Overriding
from rollout.errors import Refused
from rollout.ledger import Step
from rollout.named_plan import named_plan
from rollout.parameters import DayParameters, Override
from rollout.report_file import write_report
from rollout.site import Site
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_scoreboard import day as report_of_day

PLAN = named_plan("week3")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A place in memory."""
    return memory_site(MemoryWorld(), tmp_path)


def run_of(site: Site, number: int, **said: object) -> DayRun:
    """A run of that day, outside Prefect."""
    with disable_run_logger():
        return DayRun("run-x", PLAN, PLAN.day(number), site, DayParameters(**said))  # type: ignore[arg-type]


def test_a_day_without_its_needs_is_refused_by_name(site: Site) -> None:
    """Each need with why it is not MET; once the earlier day has shown it, the day may start."""
    with pytest.raises(Refused, match=r"day 2 needs what is not MET: D1\.5 is NOT MEASURED \(Day 1 has not run on site memory\); D1\.7 .*; D1\.8 "):
        meet_needs(run_of(site, 2))
    write_report(site.reports / "run-1", report_of_day(1, site="memory"))
    meet_needs(run_of(site, 2))


def test_a_person_overrides_on_record(site: Site) -> None:
    """Who, why and what is overridden stand in the audit file and in the report's notes."""
    run = run_of(site, 2, override=Override(name="ann", reason="seen by eye"))
    meet_needs(run)
    (entry,) = AuditFile(site.state).of("run-x")
    assert (entry.said, entry.name, entry.reason) == (Overriding.NEEDS, "ann", "D1.5, D1.7, D1.8: seen by eye")
    assert any(note.startswith("started by ann although D1.5 is NOT MEASURED") for note in run.record.notes)


def test_an_override_of_nothing_is_not_recorded(site: Site) -> None:
    """Where all needs are MET there is nothing that a person has let pass."""
    write_report(site.reports / "run-1", report_of_day(1, site="memory"))
    meet_needs(run_of(site, 2, override=Override(name="ann", reason="to be sure")))
    assert AuditFile(site.state).of("run-x") == []


def test_day_1_alone_measures_what_it_needs(site: Site) -> None:
    """Readiness, hub and baseline are gates of its own, so a site that has never seen day 0 may start with day 1."""
    meet_needs(run_of(site, 1))
    gates = {PLAN.criterion(need).measured_by for need in PLAN.day(1).needs}
    assert gates == set(measures_of(PLAN.day(1)))


def test_what_touches_nothing_or_has_begun_is_not_asked(site: Site) -> None:
    """A dry run needs nothing; a run whose ledger is open met its needs when it began."""
    meet_needs(run_of(site, 2, dry_run=True))
    run = run_of(site, 2)
    run.ledger.append(1, Step.OPENED, day=2, plan="week3", site="memory", change="hubs")
    meet_needs(run)


def test_a_gate_that_a_flow_is_said_to_require_is_required_there() -> None:
    """The table of days says what the flows do: each gate stands in its flow's own file, or in a step that the flow names."""
    root = Path(__file__).parents[2]
    assert deployment_of(PLAN.day(1)) in MEASURES
    text = (root / "flows" / "day1_metrics.py").read_text(encoding="utf-8") + (root / "flows" / "baseline.py").read_text(encoding="utf-8")
    assert all(f'run.require("{gate}"' in text for gate in MEASURES["day-1"])
    assert all(f'run.require("{gate}"' in (root / "flows" / "flag_day.py").read_text(encoding="utf-8") for gate in MEASURES["flag-day"])
