"""Before a day starts: what its gates will be able to tell, from the last baseline that the site stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import pandas as pd

from rollout.batches import Batch, BatchSchedule
from rollout.errors import InputError
from rollout.fleet import Fleet
from rollout.judge.policy import JudgePolicy
from rollout.judge.power import MetricPower, plan_power

FEWEST_SAMPLES = 4
"""Samples in half a baseline, below which a spread says nothing."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """Power of a batch of `treated` agents beside `controls` unchanged ones; samples: in each of the two windows that the baseline was cut into."""

    file: Path
    samples: int
    treated: int
    controls: int
    powers: tuple[MetricPower, ...]


def foresee(file: Path, policy: JudgePolicy, schedule: BatchSchedule, fleet: Fleet) -> Foresight:
    """Cut the baseline into two quiet windows and ask what a batch of this schedule can find. Raises InputError for a file that holds no baseline.

    A baseline is shorter than a bake, so its halves stand for the bake's windows: sigma comes out a little large, never too small.
    """
    frame = _baseline(file)
    first, last = float(frame["t"].min()), float(frame["t"].max())
    samples = int((last - first) / policy.scrape_interval + 1.5) // 2
    if samples < FEWEST_SAMPLES:
        raise InputError(file, "t", f"holds {samples} samples in each half, at least {FEWEST_SAMPLES} are needed")
    quiet = frame.assign(t=frame["t"] - first - (samples - 0.5) * policy.scrape_interval, treated=False)
    full = [batch for batch in schedule.batches if not batch.is_canary] or list(schedule.batches)
    treated = round(median(len(batch.agents) for batch in full))
    controls = round(median(_controls(batch, schedule.batches, fleet) for batch in full))
    return Foresight(file, samples, treated, controls, plan_power(quiet, _shortened(policy, samples), max(1, treated), max(1, controls)))


def _shortened(policy: JudgePolicy, samples: int) -> JudgePolicy:
    """The policy for windows of that many samples; looks keep their places, so that the levels of the tests stay."""
    looks = sorted({max(1, round(look * samples / policy.after)) for look in policy.looks})
    return replace(policy, settle=0, before=samples, after=samples, looks=tuple(looks), extension=0)


def _controls(batch: Batch, batches: Sequence[Batch], fleet: Fleet) -> int:
    """Agents of the batch's machines that serve as its controls: those not yet changed, for the last batch those changed two or more before."""
    machines = {agent.machine for agent in batch.agents}
    index_of = {identity: each.index for each in batches for identity in each.ids}
    is_last = batch.index == batches[-1].index
    near = [index_of.get(agent.id, len(batches) + 1) for agent in fleet.agents if agent.machine in machines]
    return sum(index > batch.index or (is_last and index <= batch.index - 2) for index in near)


def _baseline(file: Path) -> pd.DataFrame:
    """The stored samples, with the columns that the judge needs."""
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(file, "", f"cannot be read: {str(error).splitlines()[0]}") from error
    for column in ("agent", "machine", "metric", "t", "value"):
        if column not in frame.columns:
            raise InputError(file, column, "is missing")
    if frame.empty:
        raise InputError(file, "", "holds no samples")
    return frame
