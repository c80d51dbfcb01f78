"""`rollout status`: who holds the fleet, how it is, and what stands in the way of a start."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rollout.alert import Alert, AlertLevel, alert_of
from rollout.freeze import freeze_at
from rollout.ledger import Ledger, Step
from rollout.observe.situation import situation_now
from rollout.ownership import Ownership
from rollout.plan import load_plan
from rollout.site import Site, load_site


def show_status(site_file: Path, plan_file: Path) -> AlertLevel:
    """Print it and return the alert level. Raises InputError for files that cannot be used."""
    plan = load_plan(plan_file)
    site = load_site(site_file, plan.days[0].deadlines)
    alert = alert_of(situation_now(site.fleet, site.machines, site.prober, site.sources), plan.system_wide)
    print(f"{site.name}: {alert.level.name}")
    _tell(alert)
    print(f"  {_holder(site)}")
    if freeze := freeze_at(site.fleet.freezes, site.clock.now()):
        print(f"  fleet {site.fleet.name} is {freeze}")
    return alert.level


def _tell(alert: Alert) -> None:
    for reason in alert.reasons:
        print(f"  {reason}")


def _holder(site: Site) -> str:
    """One line about the fleet's last run."""
    holder = Ownership(site.state / "fleets", site.fleet.name, site.clock).holder()
    if holder is None:
        return "no run has ever held this fleet"
    ledger = Ledger(site.runs / holder.run / "ledger.jsonl", site.clock)
    if ledger.settled:
        return f"nobody holds the fleet; the last run was {holder.run}"
    opened = ledger.opened
    changed = len(ledger.in_step(Step.VERIFIED))
    since = datetime.fromtimestamp(opened.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    doing = "is at work" if holder.alive(site.clock.now()) else "is not at work and has to be answered, retried or settled"
    return f"run {holder.run} (day {opened.facts['day']}, since {since}) {doing}; {changed} agents are changed and verified"
