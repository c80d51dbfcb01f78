"""What a restart does by itself, measured on agents that were restarted and not changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollout.judge.changes import changes_of
from rollout.judge.group import estimate_group, on_scale
from rollout.judge.neighbours import compare
from rollout.judge.panel import read_panel
from rollout.judge.policy import JudgePolicy, MetricForm, MetricPolicy


@dataclass(frozen=True, slots=True)
class RestartEffect:
    """One metric's excess of restarted, unchanged agents over their neighbours.

    effect, se: log scale, or ratio for a ratio of counts. df: of se. lower, upper: one-sided 95 %. agents: how many were restarted and seen.
    """

    metric: str
    effect: float
    se: float
    df: float
    lower: float
    upper: float
    agents: int


def restart_effect(frame: pd.DataFrame, policy: JudgePolicy) -> tuple[RestartEffect, ...]:
    """Estimates the effect of a mere restart per metric from a placebo (design, Restart or change?).

    frame: as for judge_batch, `treated` marking the agents restarted without a change. A metric that no placebo agent can tell is left
    out: then the two cannot be told apart, and the judgement says so.
    """
    panel = read_panel(frame, policy, policy.after)
    found = []
    for at, metric in enumerate(panel.metrics):
        plain = MetricPolicy(metric.name, MetricForm.RELATIVE, spread_floor=metric.spread_floor)
        changes = changes_of(panel, at, policy.min_share_seen)
        neighbours = compare(changes, ~panel.treated, panel.machine_of, len(panel.machines), plain, policy)
        agents = np.flatnonzero(panel.treated & changes.seen & neighbours.known[panel.machine_of])
        if not len(agents):
            continue
        scale = on_scale(changes, neighbours, agents, panel, plain)
        group = estimate_group(changes, neighbours, scale, panel.machine_of, plain)
        found.append(RestartEffect(metric.name, group.effect, group.se, group.df, group.lower(0.05), group.upper(0.05), len(agents)))
    return tuple(found)
