"""What the judge said, stored beside the samples that it saw, so that a replay can compare."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollout.errors import InputError
from rollout.judge.day import NO_BOUNDS, DayJudgement
from rollout.judge.judgement import BatchJudgement
from rollout.judge.policy import JudgePolicy
from rollout.judge.records import from_record, to_record
from rollout.judge.restart import RestartEffect
from rollout.on_record import on_record
from rollout.private_folder import private_folder

JUDGEMENTS = "judgements.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """How a run was judged, which a plan that has changed since cannot tell: batches: their policy; soak: its own, None without a soak.

    day_bounds: by metric, where the day was held to another bound than its batches; roster: who had the change when the day was judged.
    """

    batches: JudgePolicy
    soak: JudgePolicy | None = None
    day_bounds: Mapping[str, float] | None = None
    roster: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredJudgements:
    """The last word on each batch by its index, what a mere restart does, the day's verdict (None: the run ended before), and by which policies.

    A batch's roster is its judgement's `treated`, its look `samples`; it was told the judgements of the batches before it. policy: None where
    the run did not say it, so that only the plan can.
    """

    batches: Mapping[int, BatchJudgement]
    placebo: tuple[RestartEffect, ...]
    day: DayJudgement | None
    policy: JudgedBy | None = None


def write_judgements(
    folder: Path,
    batches: Mapping[int, BatchJudgement],
    placebo: Sequence[RestartEffect],
    day: DayJudgement | None,
    policy: JudgedBy | None = None,
) -> None:
    """Write all judgements of a run; numbers keep every digit. An older file is replaced in one step, so it may be written after each batch.

    Raises Held where it cannot be written.
    """
    record = {
        "schema_version": SCHEMA_VERSION,
        "batches": {str(index): judgement.to_record() for index, judgement in batches.items()},
        "placebo": [to_record(effect) for effect in placebo],
        "day": day and day.to_record(),
        "policy": policy and {**to_record(policy), "day_bounds": dict(policy.day_bounds or NO_BOUNDS)},
    }
    aside = folder / f".{JUDGEMENTS}.new"
    with on_record("the file of what the judge said", folder / JUDGEMENTS):
        private_folder(folder)
        aside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        aside.replace(folder / JUDGEMENTS)


def read_judgements(folder: Path) -> StoredJudgements:
    """The judgements of a run's report folder. Raises InputError where the run stored none or they are of another shape."""
    file = folder / JUDGEMENTS
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(file, "", "this run stored no judgements") from error
    except (OSError, ValueError) as error:
        raise InputError(file, "", f"cannot be read: {error}") from error
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(file, "schema_version", f"is {version!r}; this version reads {SCHEMA_VERSION}")
    try:
        return StoredJudgements(
            {int(index): BatchJudgement.from_record(each) for index, each in record["batches"].items()},
            tuple(from_record(RestartEffect, each) for each in record["placebo"]),
            record["day"] and DayJudgement.from_record(record["day"]),
            record["policy"] and _policy(record["policy"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(file, "", f"holds judgements of another shape: {error}") from error


def _policy(record: Mapping[str, Any]) -> JudgedBy:
    soak = record["soak"]
    roster = tuple(record.get("roster", ()))  # runs of before it was kept were judged without
    return JudgedBy(from_record(JudgePolicy, record["batches"]), soak and from_record(JudgePolicy, soak), dict(record["day_bounds"]), roster)
