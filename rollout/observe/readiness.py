"""Can these agents take the change: seen before anything is touched (plan.md line 67, day 0 checklist line 44)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rollout.fleet import Agent
from rollout.machine import Machine
from rollout.observe.probe import Prober
from rollout.observe.witness import witness_all


def readiness_frame(machines: Mapping[str, Machine], agents: Sequence[Agent], prober: Prober, feature: str, now: float) -> pd.DataFrame:
    """One row per agent: agent, supervisor_running, health_status, metrics_capable, metrics_active, port_owner_matches, start_age_seconds.

    feature: what /health must list for the agent to be capable; now: Unix seconds. Raises Unreachable.
    """
    rows = [
        {
            "agent": seen.agent.id,
            "supervisor_running": seen.running,
            "health_status": seen.health.status,
            "metrics_capable": feature in (seen.health.features or {}),
            "metrics_active": seen.metrics.status == 200,
            "port_owner_matches": seen.owns_ports,
            "start_age_seconds": now - seen.started if seen.started is not None else float("nan"),
        }
        for seen in witness_all(machines, agents, prober)
    ]
    return pd.DataFrame(rows)
