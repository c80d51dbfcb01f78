"""What changed in each agent, before against after, and how well its window can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollout.judge.panel import Panel
from rollout.judge.robust import Bools, Floats, block_error, trimmed_mean_over_time

LONG_WINDOW = 36  # samples after settle from which the agent test uses its long blocks (design, item 7)
LOUDEST = 16.0  # ratio of squared errors beyond which an agent counts as no louder or quieter
LONG_BLOCK, LONG_DF = 6, 10
SHORT_BLOCK, SHORT_DF = 4, 5


@dataclass(frozen=True)
class Changes:
    """One metric's change in every agent; all arrays (A,). counted: whether it is a ratio of counts.

    change: log(after) - log(before), or ratio after - ratio before. noise: what one unit of spread means for that agent (about 1 on the log
    scale, more for a loud agent; the binomial error of its counts for a ratio). within: squared error from the agent's own window, in units
    of noise squared. level: value after, in the metric's unit. weight: its say in a mean (1 / noise squared, or effective requests).
    errors, requests: counts after settle and rate: errors per request before, all zero unless counted.
    """

    counted: bool
    seen: Bools
    change: Floats
    noise: Floats
    within: Floats
    level: Floats
    weight: Floats
    errors: Floats
    requests: Floats
    rate: Floats


def is_short(samples: int) -> bool:
    """Whether a window after is too short for the agent test's long blocks (design, item 7)."""
    return samples < LONG_WINDOW


def block_rule(samples: int) -> tuple[int, int]:
    """Samples per block and degrees of freedom of the agent test (design, items 4 and 7)."""
    return (SHORT_BLOCK, SHORT_DF) if is_short(samples) else (LONG_BLOCK, LONG_DF)


def changes_of(panel: Panel, at: int, min_share: float) -> Changes:
    """Changes of metric number `at` on the scale that belongs to it."""
    return ratio_changes(panel, at, min_share) if panel.ratio[at] else log_changes(panel, at, min_share)


def log_changes(panel: Panel, at: int, min_share: float) -> Changes:
    """Change of a positive quantity on the log scale (design, item 1); zero and below is no measurement of it."""
    values = panel.values[at]
    logs = np.log(np.where(values > 0, values, 1.0))
    logs[~(values > 0)] = np.nan
    before, after = logs[:, : panel.before], logs[:, panel.before :]
    seen = _seen(before, after, min_share)
    b, a = trimmed_mean_over_time(before), trimmed_mean_over_time(after)
    size, _ = block_rule(panel.after)
    early, late = block_error(before[:, before.shape[1] % size :], size), block_error(after, size)
    nothing = np.zeros(len(b))
    noise2 = relative_noise(early + late, seen)
    return Changes(False, seen, a - b, np.sqrt(noise2), (early + late) / noise2, np.exp(a), 1.0 / noise2, nothing, nothing, nothing)


def ratio_changes(panel: Panel, at: int, min_share: float) -> Changes:
    """Change of a ratio of counts, from the counts themselves (design, item 6); a value outside 0..1 is no ratio.

    The binomial floor p (1 - p) (1 / requests before + 1 / requests after) takes p from the batch's pooled counts or the agent's own,
    whichever is larger (everybody's in quiet data): zero errors in one agent's short window do not prove that it cannot err.
    """
    if panel.weights is None:
        raise ValueError(f"{panel.metrics[at].name}: a ratio needs its weights")
    weights = panel.weights[at]
    usable = (panel.values[at] >= 0) & (panel.values[at] <= 1) & (weights >= 0)
    requests = np.where(usable, weights, 0.0)
    errors = np.where(usable, panel.values[at], 0.0) * requests
    shown = np.where(usable, 1.0, np.nan)
    w_b, w_a = requests[:, : panel.before].sum(axis=1), requests[:, panel.before :].sum(axis=1)
    e_b, e_a = errors[:, : panel.before].sum(axis=1), errors[:, panel.before :].sum(axis=1)
    seen = _seen(shown[:, : panel.before], shown[:, panel.before :], min_share) & (w_b > 0) & (w_a > 0)
    b, a = e_b / np.maximum(w_b, 1e-300), e_a / np.maximum(w_a, 1e-300)
    weight = np.where(seen, w_b * w_a / np.maximum(w_b + w_a, 1e-300), 0.0)
    batch = seen & panel.treated if (seen & panel.treated).any() else seen
    pooled = ((e_b + e_a)[batch].sum() + 1.0) / ((w_b + w_a)[batch].sum() + 2.0)
    own = np.clip((e_b + e_a) / np.maximum(w_b + w_a, 1e-300), 0.0, 1.0)
    variance = np.maximum(pooled * (1.0 - pooled), own * (1.0 - own))
    noise = np.sqrt(variance / np.where(seen, weight, 1.0))
    return Changes(True, seen, a - b, noise, np.ones(len(b)), a, weight, e_a, w_a, b)


def _seen(before: Floats, after: Floats, min_share: float) -> Bools:
    """Agents with at least that share of their scrapes on both sides (A,)."""
    held_before, held_after = (np.count_nonzero(~np.isnan(side), axis=1) for side in (before, after))
    return np.asarray((held_before >= min_share * before.shape[1]) & (held_after >= min_share * after.shape[1]) & (held_after > 0))


def relative_noise(within: Floats, seen: Bools) -> Floats:
    """How loud each agent is beside the others, squared, from its own windows (A,); one for agents that cannot say.

    within: squared error of the agent's change from blocks. Its square root is taken because a dozen blocks say little of one agent, and
    because what moves an agent between windows need not grow with what moves it inside; the controls' spread calibrates the rest. Loud
    agents then count for less in the batch's mean and are not mistaken for guilty ones (docs/decisions/0101).
    """
    known = seen & (within > 0)
    if np.count_nonzero(known) < 2:
        return np.ones(len(within))
    ratio = np.where(known, within, 1.0) / np.median(within[known])
    return np.where(known, np.sqrt(np.clip(ratio, 1 / LOUDEST, LOUDEST)), 1.0)
