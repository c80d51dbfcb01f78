"""What the agents' own metrics cost those who collect them: series, samples, scrape time, and how fast the hub's database grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rollout.observe.frame import by_agent, selection
from rollout.observe.prometheus import Prometheus, Source

JOB = "agents"
SYNTHETIC = 5
"""Samples that Prometheus adds to each scrape by itself (up, scrape_duration_seconds, three counts)."""
PER_AGENT = {
    "series": 'count by (machine, agent) (last_over_time({job="agents",%s}[%ds]))',
    "samples_per_scrape": 'max by (machine, agent) (max_over_time(scrape_samples_scraped{job="agents",%s}[%ds]))',
    "scrape_seconds": 'max by (machine, agent) (max_over_time(scrape_duration_seconds{job="agents",%s}[%ds]))',
}
"""Column to PromQL over the window."""
STORED = f"(sum(sum_over_time(scrape_samples_post_metric_relabeling[%ds])) + {SYNTHETIC} * sum(count_over_time(up[%ds]))) / %d"
"""Samples a second that the hub stores of all that it scrapes."""


@dataclass(frozen=True, slots=True)
class HubCost:
    """One hub at one moment. at: Unix seconds; series: in the head of its database; samples_per_second: stored over the window before."""

    hub: str
    at: float
    series: float
    samples_per_second: float


def hub_cost(hub: Prometheus, now: float, window: int) -> HubCost:
    """What the hub holds and takes in. window: seconds looked back, two scrapes of everything at least. Raises SourceFault."""
    stored = hub.now(STORED % (window, window, window))
    rate = float(stored["value"].iloc[0]) if not stored.empty else float("nan")
    return HubCost(hub.name, now, hub.head_series(), rate)


def agents_cost(source: Source, agents: Sequence[str], window: int) -> pd.DataFrame:
    """One row per agent that is scraped: agent, series, samples_per_scrape, scrape_seconds (the longest). Raises SourceFault."""
    matchers = selection(agents)
    columns = [by_agent(source.now(query % (matchers, window)), name) for name, query in PER_AGENT.items()]
    frame = pd.concat(columns, axis=1).rename_axis("agent").reset_index()
    return frame[frame["agent"].isin(set(agents))].reset_index(drop=True)


def growth_frame(before: HubCost, after: HubCost, agents: int) -> pd.DataFrame:
    """One row: series_added and samples_added_per_second, each for one of the agents, since that is what scales."""
    return pd.DataFrame(
        {
            "series_added": [(after.series - before.series) / agents],
            "samples_added_per_second": [(after.samples_per_second - before.samples_per_second) / agents],
        }
    )


def queries_text(window: int) -> str:
    """The queries as they stand in the evidence."""
    return "; ".join(query % ("...", window) for query in PER_AGENT.values())
