"""When each request of a level is due: decided before the first is sent, so that no slow server can move a later one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollout.load.order import Order


@dataclass(frozen=True)
class Schedule:
    """Arrivals in their order. due: seconds from the level's start; target: index into the order's targets; request: into that target's requests."""

    due: NDArray[np.float64]
    target: NDArray[np.int64]
    request: NDArray[np.int64]

    def __len__(self) -> int:
        """Requests in all."""
        return len(self.due)


def schedule(order: Order) -> Schedule:
    """As many requests to each target as its rate says, at least one, at independent moments: Poisson arrivals given their number.

    The same order has the same schedule.
    """
    random = np.random.default_rng(order.seed)
    counts = [max(1, round(target.rate * order.seconds)) for target in order.targets]
    due = random.uniform(0.0, order.seconds, sum(counts))
    target = np.repeat(np.arange(len(counts)), counts)
    request = np.concatenate([_mix(random, [each.weight for each in target.requests], n) for target, n in zip(order.targets, counts, strict=True)])
    by_time = np.argsort(due, kind="stable")
    return Schedule(due[by_time], target[by_time], request[by_time])


def _mix(random: np.random.Generator, weights: list[float], count: int) -> NDArray[np.int64]:
    """Which request each arrival is, in the shares of the weights, rounded and shuffled."""
    edges = np.round(np.cumsum(weights) / sum(weights) * count).astype(int)
    chosen = np.repeat(np.arange(len(weights)), np.diff(edges, prepend=0))
    return random.permutation(chosen)
