"""A run that its own process has left open, taken over by whoever finishes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rollout.errors import Refused
from rollout.lease_clock import LeaseClock
from rollout.ledger import Ledger
from rollout.named_plan import named_plan
from rollout.ownership import Ownership
from rollout.plan import Day, Plan
from rollout.site import Site, load_site
from rollout.whereabouts import ledger_of


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """Its ledger as it stood when its fleet became ours, and the site, plan and day that it was opened with."""

    ledger: Ledger
    site: Site
    plan: Plan
    day: Day
    ownership: Ownership


def opened_ledger(run: str, site_file: Path) -> Ledger:
    """The run's ledger as it is on disk now. Raises Refused when there is no such run."""
    ledger = ledger_of(run, site_file)
    if not ledger.exists:
        raise Refused(f"site {site_file.stem} has no run {run}; the runs are in {ledger.file.parent.parent}")
    return ledger


def take_over(run: str, site_file: Path) -> LeftOpen | None:
    """That run, its fleet claimed for this process; None when nothing is open.

    Raises Refused when there is no such run or its process still works, InputError for files that cannot be read.
    """
    ledger = opened_ledger(run, site_file)
    if ledger.settled:
        return None
    facts = ledger.opened.facts
    written = named_plan(facts["plan"])
    site = load_site(site_file, written.day(facts["day"]).deadlines)
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.take_over(run)
    # its process may have ended well between that look and the claim; what it wrote by then counts
    ledger = opened_ledger(run, site_file)
    if ledger.settled:
        ownership.release()
        return None
    plan = written.for_site(site.rehearsal)
    return LeftOpen(ledger, replace(site, clock=LeaseClock(site.clock, ownership)), plan, plan.day(facts["day"]), ownership)
