"""`rollout status`: who holds the fleet, how it is, and what stands in the way of a start."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rollout.alert import AlertLevel, alert_of
from rollout.freeze import freeze_at
from rollout.ledger import Step
from rollout.observe.situation import situation_now
from rollout.ownership import Ownership
from rollout.plan import load_plan
from rollout.run_ledger import run_ledger
from rollout.site import Site, load_site


@dataclass(frozen=True, slots=True)
class Status:
    """What `rollout status --json` prints. agents: how many, seen well by all witnesses; run: the one that holds the fleet, empty for none."""

    site: str
    fleet: str
    level: str
    reasons: tuple[str, ...]
    agents: int
    well: int
    run: str
    holder: str
    freeze: str


def show_status(site_file: Path, plan_file: Path, *, as_json: bool) -> AlertLevel:
    """Print it and return the alert level. Raises InputError for files that cannot be used."""
    plan = load_plan(plan_file)
    site = load_site(site_file, plan.days[0].deadlines)
    run, holder, behind = _holder(site)
    situation = replace(situation_now(site.fleet, site.machines, site.prober, site.sources), degraded=behind)
    alert = alert_of(situation, plan.system_wide)
    freeze = freeze_at(site.fleet.freezes, site.clock.now())
    well = sum(seen is True for seen in situation.agents.values())
    status = Status(site.name, site.fleet.name, alert.level.name, alert.reasons, len(site.fleet), well, run, holder, str(freeze or ""))
    if as_json:
        print(json.dumps(asdict(status), indent=1))
    else:
        _tell(status)
    return alert.level


def _tell(status: Status) -> None:
    table = Table(title=f"{status.site}: {status.level}", show_header=False, title_justify="left")
    table.add_row("agents", f"{status.well} of {status.agents} of fleet {status.fleet} are well")
    for reason in status.reasons:
        table.add_row("because", Text(reason))
    table.add_row("run", Text(status.holder))
    if status.freeze:
        table.add_row("freeze", Text(f"fleet {status.fleet} is {status.freeze}"))
    Console().print(table)


def _holder(site: Site) -> tuple[str, str, tuple[str, ...]]:
    """The run that holds the fleet, a line about the fleet's last run, and a sentence where that left agents in quarantine."""
    holder = Ownership(site.state / "fleets", site.fleet.name, site.clock).holder()
    if holder is None:
        return "", "no run has ever held this fleet", ()
    ledger = run_ledger(site.runs, holder.run, site.clock)
    if ledger.settled:
        return "", f"nobody holds the fleet; the last run was {holder.run}", ()
    opened = ledger.opened
    changed = len(ledger.in_step(Step.VERIFIED))
    since = datetime.fromtimestamp(opened.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    doing = "is at work" if holder.alive(site.clock.now()) else "is not at work and has to be answered, retried or settled"
    left = ledger.in_step(Step.QUARANTINED)
    behind = (f"left in quarantine by run {holder.run}: {', '.join(left)}",) if left else ()
    return holder.run, f"run {holder.run} (day {opened.facts['day']}, since {since}) {doing}; {changed} agents are changed and verified", behind
