"""Emergency 1: metrics off everywhere, at once and verified (plan.md lines 341-352). Needs no Prefect, and no Prometheus to act.

It outranks every run: one at work is told to abort and waited for, one that is held or dead is settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from rollout.audit import AuditEntry, AuditFile, Emergency, Order
from rollout.change import Snapshot
from rollout.changes.metrics import FLAG, was_on
from rollout.clock import Deadline, wait_until
from rollout.confirmation import Confirmation, confirm
from rollout.emergency_report import Call, Protocol, emergency_report
from rollout.errors import RolloutError, StillAtWork
from rollout.executor import Executor, Limits, Reversal
from rollout.final_look import last_look
from rollout.foresight import newest_baseline
from rollout.ledger import Ledger, Step
from rollout.observe.witness import by_machine
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, Day, Plan, load_plan
from rollout.report import DayReport, Outcome
from rollout.report_file import write_report
from rollout.settlement import settle
from rollout.site import Site, load_site

DAY = 1
"""The day that turned metrics on; its deadlines hold."""
CRITERION = "E1"
LOOK = 0.5
"""Seconds between two looks whether an aborted run has ended."""


def metrics_off(call: Call, site_file: Path, plan_file: Path) -> DayReport:
    """Bring every agent with metrics back to what it was before it had them, read it back, and write the report.

    Raises StillAtWork when a run that was told to abort does not end, InputError for files that cannot be used. What cannot be reached or
    restored is quarantined by name.
    """
    written = load_plan(plan_file)
    site = load_site(site_file, written.day(DAY).deadlines)
    plan = written.for_site(site.rehearsal)
    day = plan.day(DAY)
    began = site.clock.now()
    AuditFile(site.state).append(AuditEntry(began, call.run, Emergency.METRICS, call.name, call.reason))
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    clear_the_way(call, site, day, ownership, plan_file)
    ownership.claim(call.run, site.runs)
    ledger = Ledger(site.runs / call.run / "ledger.jsonl", site.clock)
    ledger.append(ownership.epoch, Step.OPENED, day=DAY, plan=plan.plan, site=site.name, change=ChangeKind.METRICS.value, on_cancel="roll back")
    found, unseen = _with_metrics(site)
    ledger.intend(ownership.epoch, found, 0)
    limits = Limits(day.deadlines.act, day.deadlines.verify, day.deadlines.rollback, day.batches.rollback_size if day.batches else 1)
    executor = Executor(site.change(ChangeKind.METRICS), ledger, ownership, limits, site.clock)
    back = executor.roll_back()
    reversal = Reversal(began, back.ended, back.restored, back.quarantined | unseen)
    confirmation = confirm(site, day, _baseline(site), reversal, CRITERION)
    report = _report(call, site, plan, reversal, confirmation, ledger, executor)
    if report.outcome is Outcome.COMPLETE:
        ledger.append(ownership.epoch, Step.CLOSED, outcome=report.outcome.value)
    ownership.release()
    write_report(site.reports / call.run, report)
    return report


def clear_the_way(call: Call, site: Site, day: Day, ownership: Ownership, plan_file: Path) -> None:
    """Abort the run at work and wait for it, then settle what it or a dead one left open. Raises StillAtWork."""
    holder = ownership.holder()
    if holder is None or holder.run == call.run:
        return
    if holder.alive(site.clock.now()):
        AuditFile(site.state).append(AuditEntry(site.clock.now(), holder.run, Order.ABORT, call.name, f"emergency: {call.reason}"))

        def ended() -> bool | None:
            present = ownership.holder()
            return None if present is not None and present.alive(site.clock.now()) else True

        if wait_until(ended, Deadline.after(site.clock, day.deadlines.rollback + day.deadlines.act), LOOK) is None:
            raise StillAtWork(f"run {holder.run} was told to abort and did not end; kill its process {holder.pid} on {holder.host}")
    if not Ledger(site.runs / holder.run / "ledger.jsonl", site.clock).settled:
        settle(holder.run, site.file, plan_file)


def _with_metrics(site: Site) -> tuple[list[Snapshot], dict[str, str]]:
    """Agents whose metrics are on, each with the state to come back to, and those that cannot be seen with the reason."""
    change = site.change(ChangeKind.METRICS)
    priors = _states_before_metrics(site)
    on: list[Snapshot] = []
    unseen: dict[str, str] = {}
    for group in by_machine(site.fleet.agents).values():
        try:
            present = change.snapshot(group)
        except (RolloutError, OSError) as error:
            unseen |= {agent.id: f"cannot be seen: {error}" for agent in group}
            continue
        on += [_without_metrics(snapshot, priors) for snapshot in present if was_on(snapshot)]
    return on, unseen


def _states_before_metrics(site: Site) -> Mapping[str, str | None]:
    """Each agent's flag as the newest run that changed it found it, if metrics were off then."""
    priors: dict[str, str | None] = {}
    files = sorted(site.runs.glob("*/ledger.jsonl"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        for entry in Ledger(file, site.clock).entries:
            if entry.snapshot is not None and FLAG in entry.snapshot.settings and not was_on(entry.snapshot):
                priors.setdefault(entry.agent, entry.snapshot.settings[FLAG])
    return priors


def _without_metrics(present: Snapshot, priors: Mapping[str, str | None]) -> Snapshot:
    """The state to come back to: the flag as it was before, "false" where no ledger knows; what else was edited since is nobody's mistake."""
    return replace(present, settings={FLAG: priors.get(present.agent, "false")}, fingerprint="")


def _baseline(site: Site) -> pd.DataFrame | None:
    file = newest_baseline(site.reports)
    return None if file is None else pd.read_parquet(file)


def _report(
    call: Call, site: Site, plan: Plan, reversal: Reversal, confirmation: Confirmation | None, ledger: Ledger, executor: Executor
) -> DayReport:
    budget = plan.day(DAY).deadlines.rollback
    look = last_look(site, [executor.change], ledger, site.fleet.agents, ledger.batches(), {})
    off = f"{len(reversal.restored)} agents have metrics off and were read back {reversal.seconds:.1f} s after the call (budget {budget:.0f} s)"
    baseline = confirmation.sentence if confirmation else "not measured: no agent had metrics on"
    protocol = Protocol(DAY, CRITERION, "Emergency: metrics off everywhere", off, baseline)
    return emergency_report(call, site, plan, protocol, reversal, confirmation, look)
