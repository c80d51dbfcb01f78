"""What a day would do, as lines of text; nothing is touched."""

from __future__ import annotations

from flows.day_run import DayRun


def preview(run: DayRun) -> None:
    """Log the batches and what would change on each agent. Raises Unreachable for a machine that does not answer."""
    schedule = run.schedule
    for batch in schedule.batches:
        run.log.info("would activate batch %d of %d: %s", batch.index, len(schedule.batches), ", ".join(batch.ids))
    for violation in schedule.violations:
        run.log.info("order: %s", violation)
    if run.day.optimization:
        run.record.notes.append(f"which of these agents the day takes, {run.day.count or 'all'} at most, a survey on the day says")
    change = run.executor.change
    hit: dict[str, list[str]] = {}
    for snapshot in change.snapshot(run.agents):
        hit.setdefault(change.describe(snapshot), []).append(snapshot.agent)
    for description, agents in hit.items():
        run.log.info("%s: %d agents: %s", description, len(agents), ", ".join(agents))
    run.record.notes.append(f"dry run: {len(run.agents)} agents in {len(schedule.batches)} batches would be changed; nothing was touched")
