"""Rehearses the emergencies on a site that runs without the change: puts it on everywhere, calls the emergency, keeps the record."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from rollout.audit import Emergency
from rollout.batches import schedule
from rollout.emergency import DAY, Call, metrics_off
from rollout.errors import ActFault, Refused
from rollout.executor import Executor, Limits
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, load_plan
from rollout.rehearsals import Rehearsal, RehearsalFile
from rollout.report import DayReport, Outcome
from rollout.site import load_site
from rollout.verdict import STANDING_OF, Verdict


def rehearse_metrics_off(site_file: Path, plan_file: Path, name: str) -> DayReport:
    """Emergency 1 on all agents of a rehearsal site. Raises Refused in production or where a run holds the fleet, ActFault where metrics stay off."""
    written = load_plan(plan_file)
    site = load_site(site_file, written.day(DAY).deadlines)
    if site.rehearsal is None:
        raise Refused(f"site {site.name} is production: emergencies are rehearsed on a site whose file names a rehearsal")
    day = written.for_site(site.rehearsal).day(DAY)
    if day.batches is None:
        raise Refused(f"day {DAY} changes no agents")
    run, ownership = str(uuid4()), Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.claim(run, site.runs)
    ledger = Ledger(site.runs / run / "ledger.jsonl", site.clock)
    ledger.append(ownership.epoch, Step.OPENED, day=DAY, plan=written.plan, site=site.name, change=ChangeKind.METRICS.value, on_cancel="roll back")
    limits = Limits(day.deadlines.act, day.deadlines.verify, day.deadlines.rollback, day.batches.rollback_size)
    executor = Executor(site.change(ChangeKind.METRICS), ledger, ownership, limits, site.clock)
    failed: list[str] = []
    for batch in schedule(site.fleet.agents, site.fleet, day.batches.size, day.batches.canary, day.batches.neighbours).batches:
        failed += executor.activate(batch.agents, batch.index).failed
    if failed:
        executor.roll_back()
        ledger.append(ownership.epoch, Step.CLOSED, outcome=Outcome.ROLLED_BACK.value)
        ownership.release()
        raise ActFault("the rehearsal could not be set up; metrics did not come on", failed)
    ledger.append(ownership.epoch, Step.CLOSED, outcome=Outcome.COMPLETE.value)
    ownership.release()
    report = metrics_off(Call(str(uuid4()), name, "rehearsal"), site_file, plan_file)
    RehearsalFile(site.state).append(_record(report, f"site {site.name}, rehearsal {site.rehearsal}"))
    return report


def _record(report: DayReport, label: str) -> Rehearsal:
    """What the report's own criterion found."""
    (criterion,) = report.criteria
    verdict = next(verdict for verdict, standing in STANDING_OF.items() if standing is criterion.verdict)
    restored = len(report.rollback.restored) if report.rollback else 0
    kept = verdict if restored else Verdict.ERROR
    return Rehearsal(report.started, Emergency.METRICS.value, label, report.run_id, restored, kept.name, criterion.observed, criterion.bound)
