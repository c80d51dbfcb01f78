"""Before the start: what a batch of this size can find and what it can prove. Plain arithmetic, so that a preview need not wait for pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, expm1, log1p, sqrt

from rollout.judge.policy import JudgePolicy, MetricForm, MetricPolicy
from rollout.judge.sequential import NORMAL, level_at

CONFIDENCE = 0.05
POWER = 0.8
EFFECTS = (0.03, 0.05, 0.10, 0.20)
FEWEST_SAMPLES = 4
"""Samples in half a baseline, below which a spread says nothing."""
TRIM_COST = 1.15  # how much the trimmed, dispersed estimate errs beyond the plain one (design, Before the start)


@dataclass(frozen=True, slots=True)
class QuietSpread:
    """How one metric wanders while nothing is changed (rollout/judge/quiet.py measures it).

    sigma: sd of an agent's change around its machine, log scale (ratio for counts); level: the median agent's, in the metric's unit;
    counted: a ratio of counts.
    """

    metric: str
    sigma: float
    level: float
    counted: bool


@dataclass(frozen=True, slots=True)
class BaselineSpreads:
    """The spreads of one stored baseline. samples: in each of the two windows that it was cut into; below FEWEST_SAMPLES there are no spreads."""

    samples: int
    spreads: tuple[QuietSpread, ...]


@dataclass(frozen=True, slots=True)
class MetricPower:
    """What one metric can tell. sigma: as of QuietSpread. se: of the batch's estimate.

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


def power_of(
    spreads: Sequence[QuietSpread], metrics: tuple[MetricPolicy, ...], policy: JudgePolicy, n_treated: int, n_controls: int
) -> tuple[MetricPower, ...]:
    """Power of a batch by the spreads of its metrics (design, Before the start).

    A metric without a spread is left out, and one that never moved or stands at zero: neither has a scale.
    """
    if n_treated < 1 or n_controls < 1:
        raise ValueError("power needs at least one treated agent and one control")
    known = {spread.metric: spread for spread in spreads if spread.sigma > 0 and (spread.counted or spread.level > 0)}
    level = level_at(policy, metrics, policy.after)
    return tuple(_power(metric, known[metric.name], level, (n_treated, n_controls)) for metric in metrics if metric.name in known)


def _power(metric: MetricPolicy, spread: QuietSpread, alpha: float, sizes: tuple[int, int]) -> MetricPower:
    """One metric's power; a bound in units is met at the median agent's level."""
    unit = TRIM_COST * spread.sigma
    se = unit * sqrt(1.0 / sizes[0] + 1.0 / sizes[1])
    bound, proceed = (_as_log(value, metric, spread) for value in (metric.bound, metric.proceed_bound))
    alarm, proven, sure = (NORMAL.inv_cdf(share) for share in (1 - alpha, 1 - CONFIDENCE, POWER))
    steps = EFFECTS if spread.counted else [log1p(effect) for effect in EFFECTS]
    powers = tuple(NORMAL.cdf((step - max(alarm * se, bound)) / se) for step in steps)
    room = (bound / (proven + sure) / unit) ** 2 - 1.0 / sizes[1]
    detectable = (alarm + sure) * se
    shown = detectable if spread.counted else expm1(detectable)
    agents = ceil(1.0 / room) if room > 0 else None
    resolves = detectable < proceed
    chance = NORMAL.cdf(bound / se - proven)
    said = f"{100 * shown:+.2f} {'points' if spread.counted else '%'}"
    sentence = _sentence(metric.name, said, chance, agents, resolves)
    return MetricPower(metric.name, metric.shadow, spread.sigma, se, shown, powers, chance, agents, resolves, sentence)


def _as_log(bound: float, metric: MetricPolicy, spread: QuietSpread) -> float:
    """A bound on the scale of sigma."""
    if spread.counted:
        return bound
    if metric.form is MetricForm.RELATIVE:
        return log1p(bound)
    if metric.form is MetricForm.SHARE_OF_MACHINE:
        share = max((machine.agents / machine.capacity for machine in metric.machines), default=1.0)
        return log1p(bound / share / spread.level)
    return log1p(max(bound / spread.level, metric.relative_bound))


def _sentence(name: str, detectable: str, chance: float, agents: int | None, resolves: bool) -> str:
    """What a person should expect of this gate."""
    needed = "no batch size proves the bound" if agents is None else f"{agents} agents would prove the bound in 80 % of harmless cases"
    label = "" if resolves else "; this gate cannot resolve its bound"
    return f"{name}: finds {detectable} in 80 % of cases; a harmless batch proves the bound in {100 * chance:.0f} %; {needed}{label}."
