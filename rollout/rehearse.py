"""Rehearses the emergencies on a site that runs without the change: puts it on everywhere, calls the emergency, keeps the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from rollout import emergency, emergency_hub
from rollout.audit import Emergency
from rollout.batches import schedule
from rollout.emergency_report import Call
from rollout.errors import ActFault, Refused
from rollout.executor import Executor, roll_back_all
from rollout.fleet import Agent
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, Day, load_plan
from rollout.rehearsals import Rehearsal, RehearsalFile
from rollout.report import DayReport, Outcome
from rollout.settlement import executor_of
from rollout.site import Site, load_site
from rollout.verdict import STANDING_OF, Verdict

PROTOCOLS = {Emergency.METRICS: (emergency.DAY, emergency.metrics_off), Emergency.HUB: (emergency_hub.DAY, emergency_hub.single_hub)}
"""The day whose change an emergency takes back, and the emergency."""
Part = tuple[ChangeKind, Sequence[Agent]]
"""Agents that one change is put on at once."""


def rehearse(protocol: Emergency, site_file: Path, plan_file: Path, name: str) -> DayReport:
    """An emergency on a whole rehearsal site. Raises Refused in production or where a run holds the fleet, ActFault where the change stays off."""
    number, call = PROTOCOLS[protocol]
    written = load_plan(plan_file)
    site = load_site(site_file, written.day(number).deadlines)
    if site.rehearsal is None:
        raise Refused(f"site {site.name} is production: emergencies are rehearsed on a site whose file names a rehearsal")
    day = written.for_site(site.rehearsal).day(number)
    _put_on(site, day, _parts(protocol, site, day), written.plan)
    report = call(Call(str(uuid4()), name, "rehearsal"), site_file, plan_file)
    RehearsalFile(site.state).append(_record(protocol, report, f"site {site.name}, rehearsal {site.rehearsal}"))
    return report


def _parts(protocol: Emergency, site: Site, day: Day) -> list[Part]:
    """What is put on, in its order."""
    if day.batches is None:
        raise Refused(f"day {day.day} changes no agents")
    if protocol is Emergency.HUB:
        hubs: list[Part] = [(ChangeKind.HUBS, [hub.agent]) for hub in reversed(site.hub_pair.hubs)]
        return [*hubs, (ChangeKind.ROUTING, site.fleet.agents)]
    batches = schedule(site.fleet.agents, site.fleet, day.batches.size, day.batches.canary, day.batches.neighbours).batches
    return [(ChangeKind.METRICS, batch.agents) for batch in batches]


def _put_on(site: Site, day: Day, parts: Sequence[Part], plan: str) -> None:
    """Change everything as the day would, without its gates, under a ledger of its own. Raises ActFault after bringing all back."""
    run, ownership = str(uuid4()), Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.claim(run, site.runs)
    ledger = Ledger(site.runs / run / "ledger.jsonl", site.clock)
    ledger.append(ownership.epoch, Step.OPENED, day=day.day, plan=plan, site=site.name, change=parts[0][0].value, on_cancel="roll back")
    executors: dict[ChangeKind, Executor] = {}
    failed: list[str] = []
    for index, (kind, agents) in enumerate(parts, start=1):
        executor = executors.setdefault(kind, executor_of(site, day, kind, ledger, ownership))
        failed += executor.activate(agents, index).failed
    if failed:
        roll_back_all(list(reversed(executors.values())))
    ledger.append(ownership.epoch, Step.CLOSED, outcome=(Outcome.ROLLED_BACK if failed else Outcome.COMPLETE).value)
    ownership.release()
    if failed:
        raise ActFault("the rehearsal could not be set up; the change did not show", failed)


def _record(protocol: Emergency, report: DayReport, label: str) -> Rehearsal:
    """What the report's own criterion found."""
    (criterion,) = report.criteria
    verdict = next(verdict for verdict, standing in STANDING_OF.items() if standing is criterion.verdict)
    restored = len(report.rollback.restored) if report.rollback else 0
    kept = verdict if restored else Verdict.ERROR
    return Rehearsal(report.started, protocol.value, label, report.run_id, restored, kept.name, criterion.observed, criterion.bound)
