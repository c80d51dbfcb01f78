"""Closes a held run as it is, because a person says so: the way out where going back is not wanted, or not possible."""

from __future__ import annotations

from pathlib import Path

from rollout.alert import alert_of
from rollout.audit import AuditEntry, AuditFile, Closing
from rollout.errors import Refused
from rollout.evidence import with_records
from rollout.final_look import last_look
from rollout.ledger import CHANGED, Step
from rollout.left_open import take_over
from rollout.plan import ChangeKind
from rollout.report import DayReport
from rollout.report_entries import alert_report
from rollout.report_file import read_report, write_report


def accept(run: str, name: str, reason: str, site_file: Path) -> DayReport | None:
    """Touch nobody, look once more, close the ledger and say so in the run's report; None when nothing was open.

    Outcome and criteria stay what they were: acceptance proves nothing. Raises Refused when there is no such run, its process still works, or
    it left no report to accept.
    """
    left = take_over(run, site_file)
    if left is None:
        return None
    ledger, site, ownership = left.ledger, left.site, left.ownership
    former = read_report(site.reports / run)
    if former is None:
        ownership.release()
        raise Refused(f"run {run} left no report, so nobody can know what would be accepted; settle it")
    AuditFile(site.state).append(AuditEntry(site.clock.now(), run, Closing.ACCEPT, name, reason))
    steps = ledger.last_steps()
    stay = sum(step in CHANGED for step in steps.values())
    changes = [site.change(ChangeKind(name), left.day.environment) for name in ledger.changes()]
    look = last_look(site, changes, ledger, site.fleet.agents, ledger.batches(), {agent.agent: agent.pid_before for agent in former.agents})
    behind = ", ".join(agent for agent, step in steps.items() if step is Step.QUARANTINED)
    said = f"Accepted as it is by {name}: {reason}. {stay} agents stay changed" + (f", in quarantine: {behind}" if behind else "")
    report = former.model_copy(
        update={
            "sentence": f"{said}. Before that: {former.sentence}",
            "ended": site.clock.now(),
            "agents": look.agents,
            "unknowns": (*former.unknowns, *look.unknowns),
            "alert": alert_report(alert_of(look.situation(site), left.plan.system_wide)),
        }
    )
    report = with_records(report, site.reports / run, ledger.file, AuditFile(site.state))
    write_report(site.reports / run, report)
    ledger.append(ownership.epoch, Step.CLOSED, outcome=Closing.ACCEPT.value)
    ownership.release()
    return report
