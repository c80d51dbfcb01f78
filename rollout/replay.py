"""Judges a run again from its stored samples; the judge is pure, so any difference is a finding about the samples or the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rollout.errors import InputError
from rollout.judge.batch import judge_batch
from rollout.judge.day import NO_BOUNDS, judge_day
from rollout.judge.records import to_record
from rollout.judge.restart import restart_effect
from rollout.judge.soak import judge_soak
from rollout.judgement_file import JudgedBy, StoredJudgements


@dataclass(frozen=True, slots=True)
class Replayed:
    """One thing judged again. what: "batch 3", "placebo", "soak", "day"; difference: the first one, None when nothing differs."""

    what: str
    verdict: str
    difference: str | None


def replay(folder: Path, stored: StoredJudgements, policy: JudgedBy) -> Iterator[Replayed]:
    """Judge everything again in the run's own order: placebo, batches, soak, day. Raises InputError for missing or unreadable samples.

    folder: the run's report folder. A batch is told the stored judgements of the batches before it, so that one difference is reported once.
    """
    if stored.placebo:
        again = restart_effect(_samples(folder, "placebo"), policy.batches)
        yield Replayed("placebo", f"{len(again)} metrics", _difference(to_record(stored.placebo), to_record(again)))
    indexes = sorted(stored.batches)
    for index in indexes:
        before = stored.batches[index]
        judged = judge_batch(
            _samples(folder, f"batch-{index:02d}"),
            policy.batches,
            before.samples,
            roster=before.treated,
            pooled=[stored.batches[earlier] for earlier in indexes if earlier < index],
            placebo=stored.placebo,
        )
        yield Replayed(f"batch {index}", judged.verdict.name, _difference(before.to_record(), judged.to_record()))
    if stored.day is None:
        return
    soak = stored.day.soak
    if policy.soak is not None and soak is not None:
        judged_soak = judge_soak(_samples(folder, "soak"), policy.soak)
        yield Replayed("soak", judged_soak.verdict.name, _difference(to_record(soak), to_record(judged_soak)))
    day = judge_day([stored.batches[index] for index in indexes], soak, bounds=policy.day_bounds or NO_BOUNDS, roster=policy.roster)
    yield Replayed("day", day.verdict.name, _difference(stored.day.to_record(), day.to_record()))


def _samples(folder: Path, name: str) -> pd.DataFrame:
    """A stored frame exactly as the judge was given it."""
    file = folder / "samples" / f"{name}.parquet"
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        reason = "is not stored" if not file.exists() else f"cannot be read: {str(error).splitlines()[0]}"
        raise InputError(file, "", reason) from error


def _difference(stored: Any, again: Any, path: str = "") -> str | None:  # noqa: ANN401 (JSON is untyped)
    """The first place where two records differ, in the order of the stored one; a NaN equals a NaN."""
    if isinstance(stored, dict) and isinstance(again, dict) and stored.keys() == again.keys():
        pairs = [(f"{path}.{key}" if path else key, value, again[key]) for key, value in stored.items()]
    elif isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        pairs = [(f"{path}.{_label(value, at)}", value, again[at]) for at, value in enumerate(stored)]
    else:
        same = stored == again or (stored != stored and again != again)  # noqa: PLR0124 (NaN differs from itself)
        return None if same else f"{path}: {_shown(stored)} stored, {_shown(again)} judged again"
    return next((found for place in pairs if (found := _difference(place[1], place[2], place[0]))), None)


def _label(value: object, at: int) -> str:
    """A list's entry by its metric or agent, where it has one."""
    return str(value.get("metric") or value.get("agent") or at) if isinstance(value, dict) else str(at)


def _shown(value: object) -> str:
    """A value on one line; of a long one its beginning."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
