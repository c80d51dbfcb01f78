"""Before the start: what a batch of this size can find and what it can prove."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from rollout.judge.changes import changes_of
from rollout.judge.neighbours import compare
from rollout.judge.panel import Panel, read_panel
from rollout.judge.policy import JudgePolicy, MetricForm, MetricPolicy
from rollout.judge.sequential import level_at

CONFIDENCE = 0.05
POWER = 0.8
EFFECTS = (0.03, 0.05, 0.10, 0.20)
TRIM_COST = 1.15  # how much the trimmed, dispersed estimate errs beyond the plain one (design, Before the start)


@dataclass(frozen=True, slots=True)
class MetricPower:
    """What one metric can tell. sigma: sd of an agent's change around its machine, log scale (ratio for counts). se: of the batch's estimate.

    detectable: smallest effect found in 80 % of cases, a relative fraction (ratio for counts); powers: chance to find each
    relative effect of EFFECTS (points for counts); pass_chance: of PASS if the change is harmless; agents: per batch so that a harmless
    one PASSes in 80 % of cases, None if no number suffices. resolves: whether the detectable effect is below the bound to proceed.
    """

    metric: str
    shadow: bool
    sigma: float
    se: float
    detectable: float
    powers: tuple[float, ...]
    pass_chance: float
    agents: int | None
    resolves: bool
    sentence: str


def plan_power(quiet_frame: pd.DataFrame, policy: JudgePolicy, n_treated: int, n_controls: int) -> tuple[MetricPower, ...]:
    """Power of a batch from two quiet windows (design, Before the start).

    quiet_frame: as for judge_batch, nothing changed at t = 0 and nobody needs to be treated. A metric that nobody shows is left out.
    """
    if n_treated < 1 or n_controls < 1:
        raise ValueError("power needs at least one treated agent and one control")
    panel = read_panel(quiet_frame, policy, policy.after)
    found = []
    for at, metric in enumerate(panel.metrics):
        measured = quiet_spread(panel, at, policy)
        if measured is not None:
            level = level_at(policy, panel.metrics, policy.after)
            found.append(_power(metric, *measured, level, (n_treated, n_controls), counted=bool(panel.ratio[at])))
    return tuple(found)


def quiet_spread(panel: Panel, at: int, policy: JudgePolicy) -> tuple[float, float] | None:
    """Sigma of an agent's change around its machine (pooled over machines) and the typical level; None without enough agents."""
    changes = changes_of(panel, at, policy.min_share_seen)
    neighbours = compare(changes, np.ones(len(panel.agents), dtype=bool), panel.machine_of, len(panel.machines), panel.metrics[at], policy)
    known = neighbours.known
    if not known.any():
        return None
    weights = neighbours.count[known] / neighbours.count[known].sum()
    typical = (
        float(np.sqrt((1.0 / changes.weight[changes.seen]).mean()))
        if not changes.counted
        else float(np.sqrt((changes.noise[changes.seen] ** 2).mean()))
    )
    return float(np.sqrt(weights @ neighbours.spread[known] ** 2)) * typical, float(np.median(changes.level[changes.seen]))


def _power(metric: MetricPolicy, sigma: float, level_of_agent: float, alpha: float, sizes: tuple[int, int], *, counted: bool) -> MetricPower:
    """One metric's power; a bound in units is met at the median agent's level."""
    se = TRIM_COST * sigma * float(np.sqrt(1.0 / sizes[0] + 1.0 / sizes[1]))
    bound, proceed = (_as_log(value, metric, level_of_agent, counted=counted) for value in (metric.bound, metric.proceed_bound))
    alarm, sure = float(ndtri(1 - alpha)), float(ndtri(POWER))
    steps = np.array(EFFECTS) if counted else np.log1p(EFFECTS)
    powers = tuple(float(value) for value in ndtr((steps - max(alarm * se, bound)) / se))
    room = (bound / (float(ndtri(1 - CONFIDENCE)) + sure) / (TRIM_COST * sigma)) ** 2 - 1.0 / sizes[1]
    detectable = (alarm + sure) * se
    shown = detectable if counted else float(np.expm1(detectable))
    agents = int(np.ceil(1.0 / room)) if room > 0 else None
    resolves = detectable < proceed
    chance = float(ndtr(bound / se - ndtri(1 - CONFIDENCE)))
    return MetricPower(
        metric.name,
        metric.shadow,
        sigma,
        se,
        shown,
        powers,
        chance,
        agents,
        resolves,
        _sentence(metric.name, f"{100 * shown:+.2f} {'points' if counted else '%'}", chance, agents, resolves),
    )


def _as_log(bound: float, metric: MetricPolicy, level: float, *, counted: bool) -> float:
    """A bound on the scale of sigma."""
    if counted:
        return bound
    if metric.form is MetricForm.RELATIVE:
        return float(np.log1p(bound))
    if metric.form is MetricForm.SHARE_OF_MACHINE:
        share = max((machine.agents / machine.capacity for machine in metric.machines), default=1.0)
        return float(np.log1p(bound / share / level))
    return float(np.log1p(max(bound / level, metric.relative_bound)))


def _sentence(name: str, detectable: str, chance: float, agents: int | None, resolves: bool) -> str:
    """What a person should expect of this gate."""
    needed = "no batch size proves the bound" if agents is None else f"{agents} agents would prove the bound in 80 % of harmless cases"
    label = "" if resolves else "; this gate cannot resolve its bound"
    return f"{name}: finds {detectable} in 80 % of cases; a harmless batch proves the bound in {100 * chance:.0f} %; {needed}{label}."
