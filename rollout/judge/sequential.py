"""How the chance of a false alarm is spent over the looks of one bake."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from statistics import NormalDist

from rollout.judge.policy import JudgePolicy, MetricPolicy

NORMAL = NormalDist()


def spending(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """What each look may spend: increments of the O'Brien-Fleming function, used as Bonferroni levels (Lan and DeMets 1983, Biometrika 70).

    looks: samples after settle, rising; alpha: one-sided, of the whole bake. Little is spent early, when little has been seen.
    """
    spent = [2.0 * NORMAL.cdf(NORMAL.inv_cdf(alpha / 2.0) / sqrt(look / looks[-1])) for look in looks]
    return tuple(after - before for before, after in pairwise([0.0, *spent]))


def level_at(policy: JudgePolicy, metrics: tuple[MetricPolicy, ...], samples: int) -> float:
    """One-sided level of one test of one metric at this look.

    The batch's alpha is shared by the voting metrics and by two tests, group and agent (design, item 5). The extended look, which few
    harmless batches reach, is given the level of the last planned one: half of its data are that look's.
    """
    voting = max(1, sum(not metric.shadow for metric in metrics))
    levels = spending(policy.looks, policy.alpha / voting / 2.0)
    return levels[policy.looks.index(samples)] if samples in policy.looks else levels[-1]
