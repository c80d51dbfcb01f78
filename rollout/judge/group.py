"""The batch as a whole: its estimate, standard error and degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from rollout.judge.changes import Changes
from rollout.judge.neighbours import Neighbours
from rollout.judge.panel import Panel
from rollout.judge.policy import MetricForm, MetricPolicy
from rollout.judge.robust import Floats, Ints, trimmed_weights

POWER = 0.8


@dataclass(frozen=True)
class Scale:
    """The judged agents of one metric on the scale of its bound; all arrays (n,).

    agents: index. excess: change beyond the neighbours' (log or ratio). effect: the same on the bound's scale. slope: d effect / d excess.
    bound, proceed_bound: per agent, on that scale. proceed_excess: excess at which an agent's effect reaches its proceed_bound.
    """

    agents: Ints
    excess: Floats
    effect: Floats
    slope: Floats
    bound: Floats
    proceed_bound: Floats
    proceed_excess: Floats


@dataclass(frozen=True)
class GroupEstimate:
    """A mean effect on the scale of the bound (log for the relative form), its standard error and degrees of freedom."""

    effect: float
    se: float
    df: float

    def lower(self, level: float) -> float:
        """One-sided lower bound at this level."""
        return self.effect - quantile(1.0 - level, self.df) * self.se

    def upper(self, level: float) -> float:
        """One-sided upper bound at this level."""
        return self.effect + quantile(1.0 - level, self.df) * self.se

    def detectable(self, level: float) -> float:
        """Effect that a test at this level finds in 80 % of cases."""
        return (quantile(1.0 - level, self.df) + quantile(POWER, self.df)) * self.se


def quantile(probability: float, df: float) -> float:
    """Student's t quantile; infinite df is the normal one."""
    return float(stdtrit(min(df, 1e9), probability))


def exceedance(value: Floats, df: float) -> Floats:
    """One-sided p-value of a t statistic, never above one (n,)."""
    return np.asarray(np.clip(stdtr(df, -value), 0.0, 1.0))


def on_scale(changes: Changes, neighbours: Neighbours, agents: Ints, panel: Panel, metric: MetricPolicy, restart: float = 0.0) -> Scale:
    """Puts each agent's excess over its neighbours on the scale of the bound (design, items 2 and Forms and bounds).

    RELATIVE stays logarithmic. ABSOLUTE in units is the level after less what it would have been without the excess. SHARE_OF_MACHINE is the
    share of a machine that all its agents would take if each cost as much as this one. A ratio of counts stays as it is. `restart`, what
    a mere restart does, is taken off first.
    """
    excess = changes.change[agents] - neighbours.centre[panel.machine_of[agents]] - restart
    ones = np.ones(len(agents))
    if changes.counted:
        return Scale(agents, excess, excess, ones, metric.bound * ones, metric.proceed_bound * ones, metric.proceed_bound * ones)
    if metric.form is MetricForm.RELATIVE:
        may = np.log1p(metric.proceed_bound) * ones
        return Scale(agents, excess, excess, ones, np.log1p(metric.bound) * ones, may, may)
    level = changes.level[agents] * np.exp(-excess)
    if metric.form is MetricForm.SHARE_OF_MACHINE:
        level = level * _load_of_machine(panel, agents, metric)
    bound, proceed_bound = metric.bound * ones, metric.proceed_bound * ones
    if metric.relative_bound:
        grown = metric.relative_bound * level
        bound, proceed_bound = np.maximum(bound, grown), np.maximum(proceed_bound, grown * metric.proceed_bound / metric.bound)
    return Scale(agents, excess, level * np.expm1(excess), level * np.exp(excess), bound, proceed_bound, np.log1p(proceed_bound / level))


def _load_of_machine(panel: Panel, agents: Ints, metric: MetricPolicy) -> Floats:
    """Agents per unit of capacity on each agent's machine (n,): what one agent costs times this is a share of the machine."""
    listed = {share.machine: share.agents / share.capacity for share in metric.machines}
    present = np.bincount(panel.machine_of, minlength=len(panel.machines))
    load = np.array([listed.get(name, float(present[at])) for at, name in enumerate(panel.machines)])
    return np.asarray(load[panel.machine_of[agents]])


def estimate_group(
    changes: Changes, neighbours: Neighbours, scale: Scale, machine_of: Ints, metric: MetricPolicy, restart_se: float = 0.0
) -> GroupEstimate:
    """Mean effect of the batch with the error that its controls' spread predicts (design, item 3).

    SE^2 = phi2 * sum over machines of spread^2 * (own noise of its agents + error of its controls' centre), which is the design's
    (n_Tm / n_T)^2 s_m^2 (1 / n_Tm + 1 / n_Cm) for equal agents; phi2 widens it when treated agents differ more than controls do. Degrees of
    freedom after Satterthwaite. The relative form trims a tenth of the agents on each side; a bound in units is about all that the
    batch costs, so there every agent counts; a ratio of counts weighs by requests. `restart_se` is the error of what was taken off.
    """
    at = machine_of[scale.agents]
    equal = changes.weight[scale.agents] / changes.weight[scale.agents].sum()
    trims = metric.form is MetricForm.RELATIVE or changes.counted
    weights = trimmed_weights(scale.effect, changes.weight[scale.agents]) if trims else equal
    effect = float(weights @ scale.effect)
    own = scale.slope * changes.noise[scale.agents]
    machines = np.arange(len(neighbours.centre))
    each = np.bincount(at, (equal * own) ** 2, len(machines)) + np.bincount(at, equal * scale.slope, len(machines)) ** 2 * np.nan_to_num(
        neighbours.share
    )
    parts = each * np.nan_to_num(neighbours.spread) ** 2
    used = parts > 0
    variance = float(parts.sum())
    df = variance**2 / float((parts[used] ** 2 / neighbours.free[used]).sum())
    phi2 = _dispersion((scale.effect - effect) / (own * neighbours.spread[at]))
    taken_off = (float(equal @ scale.slope) * restart_se) ** 2
    return GroupEstimate(effect, float(np.sqrt(phi2 * variance + taken_off)), df)


def _dispersion(standardised: Floats) -> float:
    """phi2: how much more the treated agents differ than controls would; never below one."""
    return max(1.0, float(standardised @ standardised) / (len(standardised) - 1)) if len(standardised) > 1 else 1.0
