"""Estimates that one odd sample or one odd agent cannot move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

TIME_TRIM = 0.2
AGENT_TRIM = 0.1


def trimmed_mean_over_time(values: Floats) -> Floats:
    """20 %-trimmed mean along the last axis, NaN left out (design, item 1).

    values: (..., samples), any unit, NaN where a scrape is missing. Returns (...), NaN where nothing was seen.
    """
    ordered = np.sort(values, axis=-1)  # NaN goes last
    seen = np.count_nonzero(~np.isnan(ordered), axis=-1)
    cut = (TIME_TRIM * seen).astype(np.intp)
    place = np.arange(values.shape[-1])
    kept = (place >= cut[..., None]) & (place < (seen - cut)[..., None])
    total = np.where(kept, ordered, 0.0).sum(axis=-1)
    return np.where(seen > 0, total / np.maximum(seen - 2 * cut, 1), np.nan)


def trimmed_weights(values: Floats, weights: Floats) -> Floats:
    """Weights of a 10 %-trimmed mean over agents: zero for the outermost tenth on each side, normalised to one.

    values, weights: (agents,), no NaN. Ties are cut in order of position, evenly on both sides.
    """
    cut = int(AGENT_TRIM * len(values))
    kept = weights.copy()
    if cut:
        order = np.argsort(values, kind="stable")
        kept[order[:cut]] = 0.0
        kept[order[-cut:]] = 0.0
    return np.asarray(kept / kept.sum())


def winsorised_sd(values: Floats) -> tuple[float, int]:
    """Spread that belongs to a 10 %-trimmed mean, and its degrees of freedom (Yuen 1974, Biometrika 61).

    values: (agents,), at least two, no NaN. Scaled so that s / sqrt(n) is the standard error of the trimmed mean.
    """
    count = len(values)
    cut = int(AGENT_TRIM * count)
    kept = count - 2 * cut
    ordered = np.sort(values)
    if cut:
        ordered[:cut] = ordered[cut]
        ordered[-cut:] = ordered[-cut - 1]
    scale = count * (count - 1) / (kept * (kept - 1))
    return float(ordered.std(ddof=1) * np.sqrt(scale)), kept - 1


def block_error(values: Floats, size: int) -> Floats:
    """Squared standard error of a mean whose samples resemble their predecessors, from means of blocks (design, item 4).

    values: (agents, samples), NaN where missing. Returns (agents,), NaN with fewer than two blocks.
    """
    blocks = values.shape[-1] // size
    if blocks < 2:
        return np.full(values.shape[0], np.nan)
    parts = values[:, : blocks * size].reshape(values.shape[0], blocks, size)
    held = ~np.isnan(parts)
    seen = held.sum(axis=-1)
    means = np.where(held, parts, 0.0).sum(axis=-1) / np.maximum(seen, 1)
    filled = seen > 0
    number = filled.sum(axis=-1)
    centre = np.where(filled, means, 0.0).sum(axis=-1) / np.maximum(number, 1)
    squares = np.where(filled, (means - centre[:, None]) ** 2, 0.0).sum(axis=-1)
    return np.where(number >= 2, squares / np.maximum((number - 1) * number, 1), np.nan)
