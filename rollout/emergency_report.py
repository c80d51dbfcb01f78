"""What an emergency says of itself: the same report as a day's, with one criterion and a rollback."""

from __future__ import annotations

from dataclasses import dataclass

from rollout.alert import alert_of
from rollout.confirmation import Confirmation
from rollout.executor import Reversal
from rollout.final_look import LastLook
from rollout.plan import Plan
from rollout.report import DayReport, Outcome, RollbackReport, alert_report, criterion_report
from rollout.site import Site


@dataclass(frozen=True, slots=True)
class Call:
    """Who called the emergency, and why. run: the id under which it is recorded."""

    run: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Protocol:
    """Which emergency it was. day: whose deadlines hold; done: what is now so, in words; baseline: what is known of the state before."""

    day: int
    criterion: str
    title: str
    done: str
    baseline: str


def emergency_report(
    call: Call, site: Site, plan: Plan, protocol: Protocol, reversal: Reversal, confirmation: Confirmation | None, look: LastLook
) -> DayReport:
    """The report; who was left behind stands in its first sentence."""
    criterion = plan.criterion(protocol.criterion)
    outcome = Outcome.ROLLBACK_INCOMPLETE if reversal.quarantined else Outcome.COMPLETE
    names = ", ".join(f"{agent} ({reason})" for agent, reason in reversal.quarantined.items())
    sentence = (
        f"Emergency incomplete, left behind: {names}. " if names else "Emergency: "
    ) + f"{protocol.done}. Called by {call.name}: {call.reason}."
    return DayReport(
        run_id=call.run, plan=plan.plan, day=protocol.day, title=protocol.title, site=site.name, fleet=site.fleet.name,
        rehearsal="; ".join(plan.differences(protocol.day)), outcome=outcome, exit_code=outcome.exit_code, sentence=sentence, cause=call.reason,
        pace=plan.pace, started=reversal.began, ended=site.clock.now(),
        criteria=(criterion_report(criterion.id, criterion.statement, criterion.bound, [confirmation.finding] if confirmation else []),),
        batches=(), agents=look.agents, unknowns=look.unknowns, evidence={},
        alert=alert_report(alert_of(look.situation(site), plan.system_wide)),
        rollback=RollbackReport(
            cause=call.reason, restored=reversal.restored, quarantined=reversal.quarantined, seconds_to_restored=reversal.seconds,
            seconds_to_healthy=confirmation.seconds if confirmation else None, budget_seconds=plan.day(protocol.day).deadlines.rollback,
            baseline=protocol.baseline,
        ),
    )  # fmt: skip
