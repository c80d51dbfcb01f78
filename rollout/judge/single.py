"""Single agents: which of the batch differ from their neighbours on their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from rollout.judge.changes import Changes
from rollout.judge.group import Scale, exceedance
from rollout.judge.neighbours import Neighbours
from rollout.judge.robust import Floats, Ints


@dataclass(frozen=True)
class Singles:
    """One-sided tests of each judged agent; arrays (n,). error: standard error of its excess; q: after Benjamini-Hochberg over the batch."""

    error: Floats
    q: Floats


def judge_singles(
    changes: Changes, neighbours: Neighbours, scale: Scale, machine_of: Ints, floor: float, df: float, restart_se: float = 0.0
) -> Singles:
    """Tests every agent against its neighbours (design, item 4).

    error^2 = noise^2 * (within + between), where within comes from blocks of the agent's own window and between from the machine's controls,
    plus the error of the controls' centre; widened by how much the controls' own statistics exceed one; p from t(df), q over the batch.
    """
    at = machine_of[scale.agents]
    spread2 = neighbours.spread[at] ** 2
    within = changes.within[scale.agents]
    own = np.maximum(np.where(np.isnan(within), spread2, within + neighbours.between[at]), floor**2)
    variance = (changes.noise[scale.agents] ** 2 * own + spread2 * neighbours.share[at]) * neighbours.inflation[at] ** 2
    error = np.sqrt(variance + restart_se**2)
    p = exceedance(scale.excess / error, df)
    return Singles(error, false_discovery_control(p) if len(p) else p)
