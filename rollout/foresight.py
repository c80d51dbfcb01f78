"""Before a day starts: what its gates will be able to tell, from the last baseline that the site stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rollout.batches import Batch, BatchSchedule
from rollout.errors import InputError
from rollout.fleet import Fleet
from rollout.judge.policy import JudgePolicy
from rollout.judge.power import FEWEST_SAMPLES, BaselineSpreads, MetricPower, power_of
from rollout.judge.records import from_record, to_record
from rollout.on_record import on_record

SPREADS = "samples/baseline-spreads.json"
"""In a report's folder, beside the baseline itself: what a preview needs of it, without pandas."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """Power of a batch of `treated` agents beside `controls` unchanged ones; samples: in each of the two windows that the baseline was cut into."""

    file: Path
    samples: int
    treated: int
    controls: int
    powers: tuple[MetricPower, ...]


def newest_spreads(reports: Path) -> Path | None:
    """The spreads of the site's newest report that has some; None if no run stored any."""
    return max(reports.glob(f"*/{SPREADS}"), key=lambda file: file.stat().st_mtime, default=None)


def write_spreads(report: Path, spreads: BaselineSpreads) -> None:
    """Store the spreads of a run's baseline in its report folder. Raises Held where they cannot be written."""
    with on_record("the baseline's spreads", report / SPREADS):
        (report / SPREADS).write_text(json.dumps(to_record(spreads), indent=1) + "\n", encoding="utf-8")


def foresee(file: Path, policy: JudgePolicy, schedule: BatchSchedule, fleet: Fleet) -> Foresight:
    """What a batch of this schedule can find, by the spreads in that file. Raises InputError where it holds none."""
    stored = _read(file)
    if stored.samples < FEWEST_SAMPLES:
        raise InputError(file, "samples", f"a half of the baseline holds {stored.samples}, at least {FEWEST_SAMPLES} are needed")
    full = [batch for batch in schedule.batches if not batch.is_canary] or list(schedule.batches)
    treated = max(1, round(median(len(batch.agents) for batch in full)))
    controls = max(1, round(median(_controls(batch, schedule.batches, fleet) for batch in full)))
    return Foresight(file, stored.samples, treated, controls, power_of(stored.spreads, policy.metrics, policy, treated, controls))


def _controls(batch: Batch, batches: Sequence[Batch], fleet: Fleet) -> int:
    """Agents of the batch's machines that serve as its controls: those not yet changed, for the last batch those changed two or more before."""
    machines = {agent.machine for agent in batch.agents}
    index_of = {identity: each.index for each in batches for identity in each.ids}
    is_last = batch.index == batches[-1].index
    near = [index_of.get(agent.id, len(batches) + 1) for agent in fleet.agents if agent.machine in machines]
    return sum(index > batch.index or (is_last and index <= batch.index - 2) for index in near)


def _read(file: Path) -> BaselineSpreads:
    """The stored spreads. Raises InputError."""
    try:
        return from_record(BaselineSpreads, json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(file, "", f"holds no spreads of a baseline: {str(error).splitlines()[0]}") from error
