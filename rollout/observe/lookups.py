"""What the agents ask the registry, as they count it themselves: lookups, failures and their time (plan.md lines 272-277)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rollout.fleet import Agent, Fleet
from rollout.observe.frame import by_agent, selection
from rollout.observe.prometheus import Source

QUERIES = {
    "lookups": "sum by (machine, agent) (max without (scraped_by) (last_over_time(agent_lookups_total{%s}[%ds])))",
    "failed": 'sum by (machine, agent) (max without (scraped_by) (last_over_time(agent_lookups_total{outcome!="found",%s}[%ds])))',
    "answered": 'sum by (machine, agent) (max without (scraped_by) (last_over_time(agent_lookups_total{outcome!="failed",%s}[%ds])))',
    "seconds": "max by (machine, agent) (last_over_time(agent_lookup_seconds_total{%s}[%ds]))",
}
"""Column to PromQL, since each agent's start. Matchers and seconds looked back are filled in."""


def askers(fleet: Fleet, agents: Sequence[Agent]) -> list[str]:
    """Those of the agents that depend on somebody who serves work, and so have to find them."""
    return [agent.id for agent in agents if not agent.hub and any(not fleet.agent(each).hub for each in agent.depends_on)]


def lookup_frame(source: Source, agents: Sequence[str], window: int) -> pd.DataFrame:
    """One row per agent that tells: agent, lookups, failed_share (of them), seconds (mean of those that were answered). Raises SourceFault."""
    matchers = selection(agents)
    columns = [by_agent(source.now(query % (matchers, window)), name) for name, query in QUERIES.items()]
    frame = pd.concat(columns, axis=1).rename_axis("agent").reset_index()
    frame = frame[frame["agent"].isin(set(agents))].reset_index(drop=True)
    asked, answered = (frame[count].where(frame[count] > 0) for count in ("lookups", "answered"))
    return pd.DataFrame(
        {"agent": frame["agent"], "lookups": frame["lookups"], "failed_share": frame["failed"] / asked, "seconds": frame["seconds"] / answered}
    )
