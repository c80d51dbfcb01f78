"""How long agents took to start, as they expose it themselves and Prometheus has it: a second witness of a shadow's measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rollout.observe.frame import by_agent, selection
from rollout.observe.prometheus import Source

QUERY = 'max by (machine, agent) (agent_startup_seconds{job="agents",%s})'
SAMPLED = 'max by (machine, agent) (timestamp(agent_startup_seconds{job="agents",%s}))'


def startup_frame(source: Source, agents: Sequence[str]) -> pd.DataFrame:
    """One row per agent whose start-up Prometheus has: agent, seconds, at (Unix seconds of the sample). Raises SourceFault."""
    matchers = selection(agents)
    columns = [by_agent(source.now(QUERY % matchers), "seconds"), by_agent(source.now(SAMPLED % matchers), "at")]
    frame = pd.concat(columns, axis=1).rename_axis("agent").reset_index().dropna()
    frame = frame.astype({"agent": str})  # an empty answer has no text to tell its type by
    return frame[frame["agent"].isin(set(agents))].reset_index(drop=True)


def confirmation_frame(before: pd.DataFrame, after: pd.DataFrame, since: Mapping[str, float]) -> pd.DataFrame:
    """One row per agent with a start on both sides: agent, before_seconds, after_seconds, remaining_share.

    before, after: as startup_frame gives them; since: Unix seconds by agent, before which a sample of `after` is one of the former process.
    """
    fresh = after[after["at"] > after["agent"].map(since).astype(float)]
    both = before.rename(columns={"seconds": "before_seconds"}).merge(fresh.rename(columns={"seconds": "after_seconds"}), on="agent")
    both["remaining_share"] = both["after_seconds"] / both["before_seconds"]
    return both[["agent", "before_seconds", "after_seconds", "remaining_share"]]
