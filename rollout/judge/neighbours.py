"""What the agents that were left alone did on the same machine: the difference that a change is measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollout.judge.changes import Changes
from rollout.judge.policy import JudgePolicy, MetricPolicy
from rollout.judge.robust import Bools, Floats, Ints, trimmed_weights, winsorised_sd


@dataclass(frozen=True)
class Neighbours:
    """Controls by machine; all arrays (machines,), NaN where too few.

    centre: 10 %-trimmed mean of the controls' change. spread: winsorised sd of their change around it, in units of each agent's noise.
    free: its degrees of freedom. share: variance of the centre in units of spread squared (1/n on the log scale). count: controls seen.
    between: spread squared beyond what the agents' own windows explain. inflation: how much the controls' own u exceeds one.
    """

    centre: Floats
    spread: Floats
    free: Floats
    share: Floats
    count: Ints
    between: Floats
    inflation: Floats

    @property
    def known(self) -> Bools:
        """Machines with enough controls (machines,)."""
        return ~np.isnan(self.centre)


def compare(changes: Changes, controls: Bools, machine_of: Ints, machines: int, metric: MetricPolicy, policy: JudgePolicy) -> Neighbours:
    """Summarises the controls of each machine (design, items 2 to 4).

    controls: (A,) agents neither restarted nor changed. A machine with fewer than `min_controls` seen ones stays unknown: another
    machine's agents are worth nothing. A ratio's spread is never below what its counts allow, any other's never below the metric's floor.
    """
    usable = controls & changes.seen
    count = np.bincount(machine_of[usable], minlength=machines)
    table = np.full((6, machines), np.nan)
    for machine in np.flatnonzero(count >= policy.min_controls):
        among = usable & (machine_of == machine)
        table[:, machine] = _summary(changes, among, floor_of(changes, metric))
    return Neighbours(table[0], table[1], table[2], table[3], count.astype(np.intp), table[4], table[5])


def floor_of(changes: Changes, metric: MetricPolicy) -> float:
    """Least spread, in units of noise: one for counts (they cannot vary less), the metric's floor on the log scale."""
    return 1.0 if changes.counted else metric.spread_floor


def _summary(changes: Changes, among: Bools, floor: float) -> tuple[float, float, float, float, float, float]:
    """Centre, spread, degrees of freedom, share, between and inflation of one machine's controls."""
    change, noise = changes.change[among], changes.noise[among]
    weights = trimmed_weights(change, changes.weight[among])
    centre = float(weights @ change)
    off = (change - centre) / noise
    spread, free = winsorised_sd(off)
    spread = max(spread, floor)
    full = changes.weight[among] / changes.weight[among].sum()
    share = float((full**2) @ noise**2)
    within = np.minimum(np.where(np.isnan(changes.within[among]), np.inf, changes.within[among]), spread**2)
    between = max(0.0, spread**2 - float(within.mean()))
    inflation = max(1.0, winsorised_sd(off / np.sqrt(np.maximum(within + between, floor**2)))[0])
    return centre, spread, float(free), share, between, inflation
