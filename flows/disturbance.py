"""What the day's restarts cost, in the report's rows: measured after the fact, and left open where it cannot be."""

from __future__ import annotations

from flows.day_run import DayRun
from rollout.errors import RolloutError
from rollout.observe.disturbance import downtimes, requests_lost
from rollout.report import AgentReport


def with_disturbance(run: DayRun, rows: tuple[AgentReport, ...]) -> tuple[AgentReport, ...]:
    """The rows of agents that this run has restarted, with requests lost and seconds away. Never raises: what is not known is an unknown."""
    agents = [agent for agent in run.site.fleet.agents if agent.id in run.touched]
    if not agents:
        return rows
    since, identities = run.record.started, [agent.id for agent in agents]
    first = min([since, *(entry.at for entry in run.ledger.entries)])  # an earlier attempt of this run may have restarted them
    try:
        away = downtimes(run.site.machines, agents, run.site.prober, first)
    except (RolloutError, OSError) as error:
        run.record.unknowns.append(f"how long restarted agents were away: {error}")
        away = {}
    try:
        errors = run.day.ratio
        lost = requests_lost(run.site.sources.usable(), errors, identities, run.site.clock.now() - since) if errors else {}
    except RolloutError as error:
        run.record.unknowns.append(f"how many requests the restarts lost: {error}")
        lost = {}
    planned, unplanned = sum(each.planned for each in away.values()), sum(each.unplanned for each in away.values())
    if away:
        run.record.notes.append(
            f"restarts of {len(away)} agents: {planned:.1f} s away in all as planned, {unplanned:.1f} s unplanned; "
            f"{sum(lost.values()):.0f} requests lost by {len(lost)} agents with counted clients, over the whole day"
        )
    return tuple(
        row.model_copy(
            update={
                "requests_lost": lost.get(row.agent),
                "downtime_seconds": away[row.agent].planned if row.agent in away else None,
                "unplanned_seconds": away[row.agent].unplanned if row.agent in away else None,
            }
        )
        if row.agent in run.touched
        else row
        for row in rows
    )
