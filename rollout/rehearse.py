"""Rehearses the emergencies on a site that runs without the change: puts it on everywhere, calls the emergency, keeps the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from rollout.batches import schedule
from rollout.emergency import Call, Protocol, take_back
from rollout.errors import ActFault, Refused, RollbackIncomplete
from rollout.executor import Executor, roll_back_all
from rollout.fleet import Agent
from rollout.ledger import Step
from rollout.ownership import Ownership
from rollout.plan import Batches, ChangeKind, Day, load_plan
from rollout.rehearsals import Rehearsal, RehearsalFile
from rollout.report import DayReport, Outcome
from rollout.run_ledger import run_ledger
from rollout.settlement import executor_of
from rollout.site import Site, load_site
from rollout.verdict import STANDING_OF, Verdict


def rehearse(protocol: Protocol, site_file: Path, plan_file: Path, name: str) -> DayReport:
    """That emergency on all agents of a rehearsal site that its day selects.

    Raises Refused in production, where a run holds the fleet and where the site lacks what the emergency is about; ActFault where the change
    does not come on, RollbackIncomplete where it does not go away again either.
    """
    written = load_plan(plan_file)
    site = load_site(site_file, written.day(protocol.day).deadlines)
    if site.rehearsal is None:
        raise Refused(f"site {site.name} is production: emergencies are rehearsed on a site whose file names a rehearsal")
    day = written.for_site(site.rehearsal).day(protocol.day)
    if day.batches is None:
        raise Refused(f"day {protocol.day} changes no agents")
    parts = list(_parts(protocol, site, day, day.batches))
    for made in dict.fromkeys(made for made, _ in parts):
        site.change(made, day.environment)  # what the site cannot do is refused before anything is owned
    run, ownership = str(uuid4()), Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.claim(run, site.runs)
    ledger = run_ledger(site.runs, run, site.clock)
    kind = protocol.change
    ledger.append(ownership.epoch, Step.OPENED, day=day.day, plan=written.plan, site=site.name, change=kind.value, on_cancel="roll back")
    executors: dict[ChangeKind, Executor] = {}
    failed: list[str] = []
    for index, (made, agents) in enumerate(parts, start=1):
        executor = executors.setdefault(made, executor_of(site, day, made, ledger, ownership))
        failed += executor.activate(agents, index).failed
    if failed:
        behind = roll_back_all(list(reversed(executors.values()))).quarantined
        if not behind:
            ledger.append(ownership.epoch, Step.CLOSED, outcome=Outcome.ROLLED_BACK.value)
        ownership.release()
        if behind:
            raise RollbackIncomplete(f"the rehearsal could not be set up, and these did not come back; `rollout settle {run}` tries again", behind)
        raise ActFault("the rehearsal could not be set up; the change did not come on", failed)
    ledger.append(ownership.epoch, Step.CLOSED, outcome=Outcome.COMPLETE.value)
    ownership.release()
    report = take_back(Call(str(uuid4()), name, "rehearsal"), protocol, site_file, plan_file)
    RehearsalFile(site.state).append(_record(report, protocol, f"site {site.name}, rehearsal {site.rehearsal}"))
    return report


def _parts(protocol: Protocol, site: Site, day: Day, batches: Batches) -> Iterator[tuple[ChangeKind, Sequence[Agent]]]:
    """What is put on, in its order: hubs one by one, the new one first, then agents batch by batch."""
    if ChangeKind.HUBS in dict(protocol.earlier):
        for hub in reversed(site.hub_pair.hubs):
            yield ChangeKind.HUBS, [hub.agent]
    for batch in schedule(site.fleet.select(day.selector), site.fleet, batches.size, batches.canary, batches.neighbours).batches:
        yield protocol.change, batch.agents


def _record(report: DayReport, protocol: Protocol, label: str) -> Rehearsal:
    """What the report's own criterion found."""
    (criterion,) = report.criteria
    verdict = next(verdict for verdict, standing in STANDING_OF.items() if standing is criterion.verdict)
    restored = len(report.rollback.restored) if report.rollback else 0
    kept = verdict if restored else Verdict.ERROR
    return Rehearsal(report.started, protocol.said.value, label, report.run_id, restored, kept.name, criterion.observed, criterion.bound)
