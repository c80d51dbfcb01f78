"""How the chance of a false alarm is spent over the looks of one bake."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from rollout.judge.policy import JudgePolicy, MetricPolicy


def spending(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """What each look may spend: increments of the O'Brien-Fleming function, used as Bonferroni levels (Lan and DeMets 1983, Biometrika 70).

    looks: samples after settle, rising; alpha: one-sided, of the whole bake. Little is spent early, when little has been seen.
    """
    share = np.array(looks, dtype=float) / looks[-1]
    spent = 2.0 * ndtr(ndtri(alpha / 2.0) / np.sqrt(share))
    return tuple(float(level) for level in np.diff(spent, prepend=0.0))


def level_at(policy: JudgePolicy, metrics: tuple[MetricPolicy, ...], samples: int) -> float:
    """One-sided level of one test of one metric at this look.

    The batch's alpha is shared by the voting metrics and by two tests, group and agent (design, item 5). The extended look, which few
    harmless batches reach, is given the level of the last planned one: half of its data are that look's.
    """
    voting = max(1, sum(not metric.shadow for metric in metrics))
    levels = spending(policy.looks, policy.alpha / voting / 2.0)
    return levels[policy.looks.index(samples)] if samples in policy.looks else levels[-1]
