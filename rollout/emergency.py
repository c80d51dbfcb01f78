"""An emergency: one kind of change taken back everywhere, at once and verified (plan.md lines 336-383). Needs no Prefect, and no Prometheus to act.

It outranks every run: one at work is told to abort and waited for, one that is held or dead is settled. What differs between the plan's
protocols is data: rollout/protocols.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from rollout.alert import alert_of
from rollout.audit import AuditEntry, AuditFile, Emergency, Order
from rollout.change import Change, Snapshot
from rollout.clock import Deadline, wait_until
from rollout.confirmation import LATENCY, Confirmation
from rollout.errors import Held, RolloutError, StillAtWork
from rollout.evidence import with_records
from rollout.executor import Executor, Limits, Reversal, roll_back_all
from rollout.final_look import last_look
from rollout.lease_clock import LeaseClock
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, Day, Plan, load_plan
from rollout.report import DayReport, Outcome, RollbackReport
from rollout.report_entries import alert_report, criterion_report
from rollout.report_file import read_report, write_report
from rollout.rollbacks import announce
from rollout.run_ledger import run_ledger
from rollout.settlement import settle
from rollout.single_hub import confirm_way_back
from rollout.site import Site, load_site
from rollout.verdict import Verdict
from rollout.whereabouts import baselines

BASELINE = "baseline"
"""The gate that judges whether a baseline is one."""
LOOK = 0.5
"""Seconds between two looks whether an aborted run has ended."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who called the emergency, and why. run: the id under which it is recorded."""

    run: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Who has to come back. states: for each, the state to come back to; unseen: those that cannot be seen, with the reason."""

    states: Sequence[Snapshot]
    unseen: dict[str, str]


@dataclass(frozen=True, slots=True)
class Cleared:
    """What stood in the way. same: an open emergency of the same kind, whose work this one does; unknown: what could not be cleared, a sentence."""

    same: Ledger | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One of the plan's emergencies. day: the one that makes the change; its deadlines hold; find: who has to come back, and to what.

    title, done: "Emergency: TITLE" and "N agents DONE" of the report; earlier: changes that the day makes before that one, the newest first,
    each with who has to come back; they come back after it.
    """

    said: Emergency
    change: ChangeKind
    day: int
    criterion: str
    title: str
    done: str
    find: Callable[[Site, Change], Found]
    earlier: tuple[tuple[ChangeKind, Callable[[Site, Change], Found]], ...] = ()


def take_back(call: Call, protocol: Protocol, site_file: Path, plan_file: Path) -> DayReport:
    """Bring every agent with that change back to what it was before it had it, read it back, and write the report.

    Raises StillAtWork when a run that was told to abort does not end, InputError for files that cannot be used. What cannot be reached or
    restored is quarantined by name, and the run stays open; repeated, it looks up anew who has to come back.
    """
    written = load_plan(plan_file)
    site = load_site(site_file, written.day(protocol.day).deadlines)
    plan = written.for_site(site.rehearsal)
    day = plan.day(protocol.day)
    began = site.clock.now()
    if called(site.state, call.run) is None:
        AuditFile(site.state).append(AuditEntry(began, call.run, protocol.said, call.name, call.reason))
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    cleared = _clear_the_way(call, protocol, site, day, ownership)
    ownership.take_over(call.run)
    site = replace(site, clock=LeaseClock(site.clock, ownership))
    ledger = run_ledger(site.runs, call.run, site.clock)
    kind = protocol.change
    ledger.append(ownership.epoch, Step.OPENED, day=day.day, plan=plan.plan, site=site.name, change=kind.value, on_cancel="roll back")
    limits = Limits(day.deadlines.act, day.deadlines.verify, day.deadlines.rollback, day.batches.rollback_size if day.batches else 1)
    executors: list[Executor] = []
    unseen: dict[str, str] = {}
    for made, find in reversed(((kind, protocol.find), *protocol.earlier)):
        change = site.change(made)
        found = find(site, change)
        ledger.part(made.value).intend(ownership.epoch, found.states, 0)
        executors.insert(0, Executor(change, ledger, ownership, limits, site.clock))
        unseen |= found.unseen
    announce(ledger, ownership.epoch, f"emergency: {call.reason}", day.deadlines.rollback)
    back = roll_back_all(executors)
    reversal = Reversal(began, back.ended, back.restored, back.quarantined | unseen)
    confirmation = confirm_way_back(site, day, _baseline(site, day, reversal.restored), reversal, protocol.criterion)
    report = _report(call, protocol, site, plan, reversal, confirmation, ledger, [executor.change for executor in executors])
    if cleared.unknown:
        report = report.model_copy(update={"unknowns": (*report.unknowns, cleared.unknown)})
    report = with_records(report, site.reports / call.run, ledger.file, AuditFile(site.state))
    write_report(site.reports / call.run, report)
    if report.outcome is Outcome.COMPLETE:
        ledger.append(ownership.epoch, Step.CLOSED, outcome=report.outcome.value)
        if cleared.same is not None:
            cleared.same.append(ownership.epoch, Step.CLOSED, outcome=f"done by run {call.run}")
    ownership.release()
    return report


def called(state: Path, run: str) -> AuditEntry | None:
    """Who called that run, if it is an emergency."""
    return next((entry for entry in AuditFile(state).of(run) if isinstance(entry.said, Emergency)), None)


def _clear_the_way(call: Call, protocol: Protocol, site: Site, day: Day, ownership: Ownership) -> Cleared:
    """Abort the run at work and wait for it, then settle what it or a dead one left open. Raises StillAtWork.

    Whoever that leaves behind stays in the open ledger of that run, and keeps nobody else waiting for the emergency. An earlier emergency of the
    same kind that is still open is returned: this one does its work.
    """
    holder = ownership.holder()
    if holder is None or holder.run == call.run:
        return Cleared()
    if holder.alive(site.clock.now()):
        AuditFile(site.state).append(AuditEntry(site.clock.now(), holder.run, Order.ABORT, call.name, f"emergency: {call.reason}"))

        def ended() -> bool | None:
            present = ownership.holder()
            return None if present is not None and present.alive(site.clock.now()) else True

        if wait_until(ended, Deadline.after(site.clock, day.deadlines.rollback + day.deadlines.act), LOOK) is None:
            raise StillAtWork(f"run {holder.run} was told to abort and did not end; kill its process {holder.pid} on {holder.host}")
    former = run_ledger(site.runs, holder.run, site.clock)
    earlier = called(site.state, holder.run)
    if former.settled:
        return Cleared()
    if earlier is None:
        try:
            settle(holder.run, site.file)
        except (StillAtWork, Held):
            raise
        except RolloutError as error:  # its plan may not be readable any more
            return Cleared(unknown=f"run {holder.run}, which held the fleet, could not be settled and stays open: {error}")
        return Cleared()
    return Cleared(former if earlier.said is protocol.said else None)


def _baseline(site: Site, day: Day, restored: Sequence[str]) -> pd.DataFrame | None:
    """The newest baseline whose own gate passed and that has everybody who came back and serves work; None where no run stored such a one.

    What cannot be read, by this version or at all, is passed by: the agents are back, and that has to be reported.
    """
    wanted = set(day.applicable([site.fleet.agent(agent) for agent in restored]).get(LATENCY, ()))
    for file in baselines(site.reports):
        try:
            report, frame = read_report(file.parents[1]), pd.read_parquet(file)
        except (ValueError, OSError):
            continue
        gate = {check.verdict for check in report.checks if check.gate == BASELINE} if report else set()
        if gate == {Verdict.PASS.name} and wanted <= set(frame["agent"]):
            return frame
    return None


def _report(  # noqa: PLR0913, PLR0917 (all that a report is made of)
    call: Call,
    protocol: Protocol,
    site: Site,
    plan: Plan,
    reversal: Reversal,
    confirmation: Confirmation | None,
    ledger: Ledger,
    changes: Sequence[Change],
) -> DayReport:
    budget = plan.day(protocol.day).deadlines.rollback
    criterion = plan.criterion(protocol.criterion)
    look = last_look(site, changes, ledger, site.fleet.agents, ledger.batches(), {})
    outcome = Outcome.ROLLBACK_INCOMPLETE if reversal.quarantined else Outcome.COMPLETE
    names = ", ".join(f"{agent} ({reason})" for agent, reason in reversal.quarantined.items())
    done = f"{len(reversal.restored)} agents {protocol.done} and were read back {reversal.seconds:.1f} s after the call (budget {budget:.0f} s)"
    sentence = (f"Emergency incomplete, left behind: {names}. " if names else "Emergency: ") + f"{done}. Called by {call.name}: {call.reason}."
    return DayReport(
        run_id=call.run, plan=plan.plan, day=protocol.day, title=f"Emergency: {protocol.title}", site=site.name, fleet=site.fleet.name,
        rehearsal="; ".join(plan.differences(protocol.day)), outcome=outcome, exit_code=outcome.exit_code, sentence=sentence, cause=call.reason,
        pace=plan.pace, started=reversal.began, ended=site.clock.now(),
        criteria=(criterion_report(criterion.id, criterion.statement, criterion.bound, [confirmation.finding] if confirmation else []),),
        batches=(), agents=look.agents, unknowns=look.unknowns, evidence={},
        alert=alert_report(alert_of(look.situation(site), plan.system_wide)),
        rollback=RollbackReport(
            cause=call.reason, restored=reversal.restored, quarantined=reversal.quarantined, seconds_to_restored=reversal.seconds,
            seconds_to_healthy=confirmation.seconds if confirmation else None, budget_seconds=budget,
            baseline=confirmation.sentence if confirmation else "not measured: there was nothing to take back",
        ),
    )  # fmt: skip
