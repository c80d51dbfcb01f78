"""How the metrics wander while nothing is changed: what the power of a gate is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from rollout.judge.changes import changes_of
from rollout.judge.neighbours import compare
from rollout.judge.panel import Panel, read_panel
from rollout.judge.policy import JudgePolicy
from rollout.judge.power import FEWEST_SAMPLES, BaselineSpreads, MetricPower, QuietSpread, power_of


def plan_power(quiet_frame: pd.DataFrame, policy: JudgePolicy, n_treated: int, n_controls: int) -> tuple[MetricPower, ...]:
    """Power of a batch from two quiet windows (design, Before the start).

    quiet_frame: as for judge_batch, nothing changed at t = 0 and nobody needs to be treated. A metric that nobody shows is left out.
    """
    panel = read_panel(quiet_frame, policy, policy.after)
    return power_of(_spreads(panel, policy), panel.metrics, policy, n_treated, n_controls)


def baseline_spreads(baseline: pd.DataFrame, policy: JudgePolicy) -> BaselineSpreads:
    """The spreads of a baseline cut into two quiet windows. baseline: columns agent, machine, metric, t (seconds), value, optionally weight.

    It is shorter than a bake, so its halves stand for the bake's windows: sigma comes out a little large, never too small.
    """
    first, last = (float(baseline["t"].min()), float(baseline["t"].max())) if len(baseline) else (0.0, 0.0)
    samples = int((last - first) / policy.scrape_interval + 1.5) // 2
    if samples < FEWEST_SAMPLES:
        return BaselineSpreads(samples, ())
    quiet = baseline.assign(t=baseline["t"] - first - (samples - 0.5) * policy.scrape_interval, treated=False)
    halves = replace(policy, settle=0, before=samples, after=samples, looks=(samples,), extension=0)
    return BaselineSpreads(samples, _spreads(read_panel(quiet, halves, samples), halves))


def _spreads(panel: Panel, policy: JudgePolicy) -> tuple[QuietSpread, ...]:
    found = (_spread(panel, at, policy) for at in range(len(panel.metrics)))
    return tuple(spread for spread in found if spread is not None)


def _spread(panel: Panel, at: int, policy: JudgePolicy) -> QuietSpread | None:
    """Sigma pooled over machines, and the typical level; None without enough agents."""
    changes = changes_of(panel, at, policy.min_share_seen)
    metric = panel.metrics[at]
    neighbours = compare(changes, np.ones(len(panel.agents), dtype=bool), panel.machine_of, len(panel.machines), metric, policy)
    known = neighbours.known
    if not known.any():
        return None
    weights = neighbours.count[known] / neighbours.count[known].sum()
    noise = (changes.noise if changes.counted else np.sqrt(1.0 / changes.weight))[changes.seen]
    typical = float(np.sqrt((noise**2).mean()))
    sigma = float(np.sqrt(weights @ neighbours.spread[known] ** 2)) * typical
    return QuietSpread(metric.name, sigma, float(np.median(changes.level[changes.seen])), bool(panel.ratio[at]))
