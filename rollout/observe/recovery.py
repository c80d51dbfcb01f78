"""Whether a fleet is healthy and grossly normal after a rollback: probes and the median latency (architecture.md, guarantee 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rollout.fleet import Agent
from rollout.machine import Machine
from rollout.observe.probe import Prober
from rollout.observe.witness import witness_all


def healthy_share(machines: Mapping[str, Machine], agents: Sequence[Agent], prober: Prober) -> float:
    """Share of the agents that every witness calls healthy, 0 to 1. Raises Unreachable."""
    seen = witness_all(machines, agents, prober)
    return sum(each.healthy for each in seen) / len(seen)


def shifts(before: pd.DataFrame, after: pd.DataFrame, metric: str) -> pd.Series:
    """Relative distance of each agent's median of that metric from before (0.1 is ten percent up), of those that both sides have samples of.

    before, after: columns agent, metric, value. Each agent is compared with itself, since agents differ in level.
    """
    medians = [frame[frame["metric"] == metric].groupby("agent")["value"].median() for frame in (before, after)]
    return (medians[1] / medians[0]).dropna() - 1
