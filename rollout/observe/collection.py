"""Whether the agents' own metrics are really collected: asked directly, and as the hub itself counts it (plan.md lines 81-86)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rollout.fleet import Agent
from rollout.machine import Machine
from rollout.observe.frame import by_agent, selection
from rollout.observe.probe import Prober
from rollout.observe.prometheus import Source
from rollout.observe.witness import witness_all
from rollout.services.hub_targets import Targets

SCRAPES = "sum without (scraped_by) (count_over_time(up{{{0}}}[{1}s]))"
SUCCESS = "sum without (scraped_by) (sum_over_time(up{{{0}}}[{1}s])) / " + SCRAPES
"""Over the window, by whichever hub scraped the agent."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One full collection. frame: one row per agent; seconds: from the first request to the last whole answer."""

    frame: pd.DataFrame
    seconds: float

    def timing(self) -> pd.DataFrame:
        """The one row about the collection as a whole: collection_seconds."""
        return pd.DataFrame({"collection_seconds": [self.seconds]})


def collect(
    machines: Mapping[str, Machine], agents: Sequence[Agent], prober: Prober, source: Source, targets: Targets, seconds: int, feature: str
) -> Collection:
    """Ask every agent and the hub. seconds: the window over which the hub's own scrapes are counted. Raises Unreachable, SourceFault.

    Columns: agent, metrics_status, exposition_valid, health_feature_matches, scrape_success_ratio, scrapes, target_up, scrape_duration_seconds.
    """
    began = time.perf_counter()
    seen = witness_all(machines, agents, prober)
    took = time.perf_counter() - began
    up = targets.active()
    identities = [agent.id for agent in agents]
    matchers = f'job="agents",{selection(identities)}'
    hub = pd.concat(
        [
            by_agent(source.now(SUCCESS.format(matchers, seconds)), "scrape_success_ratio"),
            by_agent(source.now(SCRAPES.format(matchers, seconds)), "scrapes"),
            by_agent(source.now(f"max without (scraped_by) (scrape_duration_seconds{{{matchers}}})"), "scrape_duration_seconds"),
        ],
        axis=1,
    )
    direct = pd.DataFrame(
        {
            "agent": each.agent.id,
            "metrics_status": each.metrics.status,
            "exposition_valid": each.metrics.exposition is not None and each.metrics.exposition.valid,
            "health_feature_matches": (each.health.features or {}).get(feature) == "on",
            "target_up": up.get(each.agent.id, False),
        }
        for each in seen
    )
    return Collection(direct.join(hub, on="agent"), took)
