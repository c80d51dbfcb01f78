"""What is judged, against which bound and over how many samples; the plan fills it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class MetricForm(Enum):
    """The scale on which a metric's bound is written in the plan."""

    RELATIVE = "relative"
    SHARE_OF_MACHINE = "share_of_machine"
    ABSOLUTE = "absolute"


@dataclass(frozen=True, slots=True)
class MachineShare:
    """How much one machine can give, for a metric whose bound is a share of it.

    capacity: in the metric's unit (cores); agents: how many agents the machine runs, over which the bound is spread.
    """

    machine: str
    capacity: float
    agents: int

    def __post_init__(self) -> None:
        """A machine gives something and runs something."""
        if not self.capacity > 0 or self.agents < 1:
            raise ValueError(f"{self.machine}: capacity {self.capacity} and {self.agents} agents bound nothing")


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """One metric of the plan. Larger values are worse.

    bound, proceed_bound: as a fraction (RELATIVE: 0.02 is 2 %; SHARE_OF_MACHINE: 0.02 of a machine if all its agents cost as much) or in
    the metric's unit (ABSOLUTE: MiB per agent; for a ratio of counts a fraction, 0.005 is half a point).
    relative_bound: ABSOLUTE only; an agent so large that this fraction of it exceeds `bound` is allowed that much ("5 % or 8 MiB").
    spread_floor: least spread of agents on the log scale; a memory that never moves must not make a page of it an alarm (design, item 6).
    shadow: measured and reported without a vote. subtract_restart: take off what a mere restart does, if a placebo measured it.
    not_applicable: agents without this metric by design. machines: capacities for SHARE_OF_MACHINE; a machine not listed has capacity 1
    (the values are shares of it already) and as many agents as the frame shows.
    """

    name: str
    form: MetricForm = MetricForm.RELATIVE
    bound: float = 0.02
    proceed_bound: float = 0.05
    shadow: bool = False
    unit: str = ""
    relative_bound: float = 0.0
    spread_floor: float = 0.0025
    subtract_restart: bool = False
    not_applicable: tuple[str, ...] = ()
    machines: tuple[MachineShare, ...] = ()

    def __post_init__(self) -> None:
        """Bounds are positive and in order; a bound that nothing can exceed is no gate."""
        if not 0 < self.bound <= self.proceed_bound < math.inf:
            raise ValueError(f"{self.name}: 0 < bound {self.bound} <= proceed_bound {self.proceed_bound} must hold")
        if not self.spread_floor > 0:
            raise ValueError(f"{self.name}: spread_floor must be positive")
        if self.relative_bound and self.form is not MetricForm.ABSOLUTE:
            raise ValueError(f"{self.name}: relative_bound belongs to the absolute form")


@dataclass(frozen=True, slots=True)
class JudgePolicy:
    """How a batch is judged; all durations in samples, so a compressed rehearsal keeps its counts (design, Verdicts).

    metrics: empty means every metric of the frame: relative 2 % (5 % to proceed), or half a point (one point) if its rows carry a weight.
    settle: dropped after activation; before, after: windows; looks: samples after settle at which a bad batch may be stopped, the last is
    `after`; extension: samples of the one extension; alpha: chance that a harmless batch FAILs, shared by all metrics, tests and looks.
    min_share_seen: share of scrapes on both sides below which an agent is unseen; min_controls: neighbours needed on the machine.
    group_minimum: batches smaller than this are canaries: agent test, errors and canary_bound (relative) only.
    scrape_interval: seconds between samples.
    """

    metrics: tuple[MetricPolicy, ...] = ()
    settle: int = 16
    before: int = 60
    after: int = 44
    looks: tuple[int, ...] = (8, 20, 32, 44)
    extension: int = 44
    alpha: float = 0.01
    min_share_seen: float = 0.5
    min_controls: int = 5
    group_minimum: int = 5
    canary_bound: float = 0.25
    scrape_interval: float = 15.0

    def __post_init__(self) -> None:
        """Looks rise to the end of the bake, shares are shares, names are unique."""
        if not self.looks or list(self.looks) != sorted(set(self.looks)) or self.looks[0] < 1 or self.looks[-1] != self.after:
            raise ValueError(f"looks {self.looks} must rise to the end of the bake, {self.after}")
        if min(self.settle, self.extension) < 0 or self.before < 1:
            raise ValueError("settle and extension are not negative and the window before holds a sample")
        if not (0 < self.alpha < 1 and 0 < self.min_share_seen <= 1 and self.scrape_interval > 0 and self.canary_bound > 0):
            raise ValueError("alpha, min_share_seen, canary_bound and scrape_interval are positive, the first two at most 1")
        if self.min_controls < 2:
            raise ValueError("a spread needs at least two controls")
        if len({metric.name for metric in self.metrics}) != len(self.metrics):
            raise ValueError("a metric is named twice")

    def samples_at(self, look: int | None) -> int:
        """Samples after settle that a look sees: None is the end of the bake; `after + extension` the extended one."""
        if look is None:
            return self.after
        if look not in self.looks and look != self.after + self.extension:
            raise ValueError(f"no look at {look} samples: {self.looks} or {self.after + self.extension} after the extension")
        return look
