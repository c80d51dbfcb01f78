"""Whom the hubs have discovered, as they tell it themselves (plan.md line 293: all agents, which means none missing, none extra and none stale)."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from rollout.hub import HubPair
from rollout.services.hub_client import ScrapedTarget
from rollout.services.hub_targets import JOB

QUERY = "GET /api/v1/targets of each hub"


def discovery_frame(pair: HubPair) -> pd.DataFrame:
    """One row per agent that a hub scrapes, of the fleet or not.

    agent; hubs: how many scrape it; own_hub: its machine's does; labelled: with the group and tier that the fleet says; up: at each of them.

    A target of the job that names no agent has its address in the place of the identity. Raises SourceFault when a hub does not tell.
    """
    labels = {agent.id: agent.labels.items() for agent in pair.fleet.agents}
    found: dict[str, list[tuple[str, ScrapedTarget]]] = defaultdict(list)
    for hub in pair.hubs:
        for target in hub.client.targets():
            if target.job == JOB:
                found[target.key or target.labels.get("instance", "?")].append((hub.machine.name, target))
    rows = [
        {
            "agent": agent,
            "hubs": len(seen),
            "own_hub": agent.partition("/")[0] in {machine for machine, _ in seen},
            "labelled": agent in labels and all(labels[agent] <= target.labels.items() for _, target in seen),
            "up": all(target.up for _, target in seen),
        }
        for agent, seen in sorted(found.items())
    ]
    return pd.DataFrame(rows, columns=["agent", "hubs", "own_hub", "labelled", "up"])
