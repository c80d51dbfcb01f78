"""Finishes the ledger of a run that cannot finish it itself: from any process, as often as one likes, with no Prefect."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from rollout.alert import alert_of
from rollout.audit import AuditFile
from rollout.errors import Refused, Unreachable
from rollout.evidence import found_files, with_records
from rollout.executor import Executor, Limits, Reversal, roll_back_all
from rollout.final_look import LastLook, last_look
from rollout.ledger import Ledger, Step
from rollout.left_open import take_over
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, Day, Plan
from rollout.report import BatchReport, DayReport, Outcome, RollbackReport
from rollout.report_entries import alert_report, criterion_report
from rollout.report_file import read_report, write_report
from rollout.rollbacks import announce, last_rollback
from rollout.shadow import end_shadows
from rollout.site import Site


def settle(run: str, site_file: Path) -> DayReport | None:
    """Roll back what that run left changed, verify it, close its ledger and say so in its report; None when nothing was open.

    Raises Refused when there is no such run or its process still works, InputError for files that cannot be read, Held where ledger or report
    cannot be written.
    """
    left = take_over(run, site_file)
    if left is None:
        return None
    ledger, site, plan, day, ownership = left.ledger, left.site, left.plan, left.day, left.ownership
    executors = [executor_of(site, day, ChangeKind(name), ledger, ownership) for name in reversed(ledger.changes())]
    pids = {snapshot.agent: snapshot.pid for snapshot in ledger.changed()}
    batches = tuple(BatchReport.model_validate(entry.facts["report"]) for _, entry in sorted(ledger.decisions(brought_back=True).items()))
    cause = _cause(ledger)
    announce(ledger, ownership.epoch, cause, day.deadlines.rollback)
    with suppress(Unreachable):  # what cannot be reached is quarantined below, by name
        end_shadows(site.machines, str(site.state))
    # a day that only looks has nothing to undo
    reversal = roll_back_all(executors) if executors else Reversal(site.clock.now(), site.clock.now(), ())
    outcome = Outcome.ROLLBACK_INCOMPLETE if reversal.quarantined else Outcome.ROLLED_BACK
    agents = site.fleet.agents
    look = last_look(site, [executor.change for executor in executors], ledger, agents, ledger.batches(), pids)
    report = _report(run, site, plan, day, outcome, reversal, look, ledger, batches, cause)
    report = with_records(report, site.reports / run, ledger.file, AuditFile(site.state))
    write_report(site.reports / run, report)  # a run that is closed has a report: one that cannot be written leaves it to be settled again
    if outcome is Outcome.ROLLED_BACK:
        ledger.append(ownership.epoch, Step.CLOSED, outcome=outcome.value)
    ownership.release()
    return report


def _cause(ledger: Ledger) -> str:
    """Why a run without a report went back or was held, as its ledger says (a settling that died too says it there); unknown where it does not."""
    rollback = last_rollback(ledger)
    if rollback is not None and rollback.settled is None:
        return rollback.cause
    last = [entry for entry in ledger.entries if entry.step in (Step.OPENED, Step.HELD)][-1]
    return str(last.facts["cause"]) if last.step is Step.HELD else "the run's process died before it could say why"


def executor_of(site: Site, day: Day, change: ChangeKind, ledger: Ledger, ownership: Ownership) -> Executor:
    """What brings one of a run's changes back, within that day's limits. Raises Refused for a day that changes nothing."""
    if day.batches is None:
        raise Refused(f"day {day.day} changes no agents")
    limits = Limits(day.deadlines.act, day.deadlines.verify, day.deadlines.rollback, day.batches.rollback_size)
    return Executor(site.change(change, day.environment), ledger, ownership, limits, site.clock)


def _report(  # noqa: PLR0913, PLR0917 (all that a report is made of)
    run: str,
    site: Site,
    plan: Plan,
    day: Day,
    outcome: Outcome,
    reversal: Reversal,
    look: LastLook,
    ledger: Ledger,
    batches: tuple[BatchReport, ...],
    died: str,
) -> DayReport:
    """The run's own report with what settling added, or a new one for a run that died before it wrote any. died: what its ledger says of that."""
    former = read_report(site.reports / run)
    later = former is not None and ledger.opened.at > former.ended
    cause = died
    if former is not None and not later:
        cause = former.cause or f"its report says {former.outcome.value}, and its ledger was not closed"
    restored = f"{len(reversal.restored)} agents restored and read back in {reversal.seconds:.1f} s"
    names = ", ".join(f"{agent} ({reason})" for agent, reason in reversal.quarantined.items())
    left = f"Rollback incomplete, left behind: {names}. " if names else ""
    sentence = f"{left}Settled: {restored}. Before that: {cause}."
    rollback = RollbackReport(
        cause=cause,
        restored=reversal.restored,
        quarantined=reversal.quarantined,
        seconds_to_restored=reversal.seconds,
        seconds_to_healthy=None,
        budget_seconds=day.deadlines.rollback,
        baseline="not measured: settling needs no metrics source",
    )
    changes = {
        "outcome": outcome,
        "exit_code": outcome.exit_code,
        "sentence": sentence,
        "cause": cause,
        "ended": site.clock.now(),
        "agents": look.agents,
        "rollback": rollback,
        "alert": alert_report(alert_of(look.situation(site), plan.system_wide)),
    }
    if former is not None:
        unwritten = ("what a later attempt measured: its report was never written",) if later else ()
        return former.model_copy(update=changes | {"unknowns": (*former.unknowns, *unwritten, *look.unknowns)})
    criteria = tuple(criterion_report(c.id, c.statement, c.bound, ()) for c in plan.criteria_of(day.day))
    return DayReport.model_validate(
        changes
        | {
            "run_id": run,
            "plan": plan.plan,
            "day": day.day,
            "title": day.title,
            "site": site.name,
            "fleet": site.fleet.name,
            "rehearsal": "; ".join(plan.differences(day.day)),
            "pace": plan.pace,
            "started": ledger.opened.at,
            "criteria": criteria,
            "batches": batches,
            "unknowns": (*look.unknowns, "what the run measured of the batch that it died in: its report was never written"),
            "evidence": found_files(site.reports / run),
        }
    )
