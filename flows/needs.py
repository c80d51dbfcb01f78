"""What stands before every day: the criteria that it needs are MET in stored reports, or a person has overridden them by name and reason."""

from __future__ import annotations

from flows.day_run import DayRun
from flows.days import measures_of, not_built
from rollout.audit import AuditEntry, Overriding
from rollout.errors import Refused
from rollout.needs import told, unmet_needs
from rollout.week_evidence import read_week
from rollout.week_rules import RULES


def meet_needs(run: DayRun) -> None:
    """Raises Refused with the needs that are not MET. A run that has begun already met them; a dry run touches nothing and needs nothing.

    A need that a gate of this very run answers before anything is touched is measured now (docs/decisions/0080).
    """
    if run.parameters.dry_run or not run.ledger.settled or not run.day.needs:
        return
    stored = read_week(run.site.state, run.plan, run.site.name, not_built(run.plan))
    unmet = unmet_needs(run.day, stored, RULES, measures_of(run.day))
    if not unmet:
        return
    override = run.parameters.override
    if override is None:
        raise Refused(f"day {run.day.day} needs what is not MET: {told(unmet)}; a person may override it, by name and with a reason")
    reason = f"{', '.join(row.id for row in unmet)}: {override.reason}"
    run.audit.append(AuditEntry(run.site.clock.now(), run.run_id, Overriding.NEEDS, override.name, reason))
    run.record.notes.append(f"started by {override.name} although {told(unmet)}; reason: {override.reason}")
    run.log.warning("started by %s without its needs: %s", override.name, told(unmet))
