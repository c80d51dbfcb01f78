"""A run judged again: exactly the same, or the first difference by name."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from rollout.errors import InputError
from rollout.judge.batch import judge_batch
from rollout.judge.day import judge_day
from rollout.judge.restart import restart_effect
from rollout.judge.soak import judge_soak
from rollout.judgement_file import JudgedBy, read_judgements, write_judgements
from rollout.replay import replay
from tests.judge.fleet_frames import MEMORY, POLICY, batch_of, make_frame

JUDGED = replace(POLICY, metrics=(*POLICY.metrics, replace(MEMORY, subtract_restart=True)))
SOAKED = replace(JUDGED, settle=0, after=60, looks=(60,), extension=0)
MORE = {"memory": (100.0, 103.0)}


@pytest.fixture
def run(tmp_path):
    """The report folder of a run of two batches, the second on an early look and with an agent that nobody saw, with placebo and soak."""
    (tmp_path / "samples").mkdir()

    def keep(name, frame):
        frame.to_parquet(tmp_path / "samples" / f"{name}.parquet", index=False)
        return frame

    placebo = restart_effect(keep("placebo", make_frame(seed=3, batch=3, extra=MORE)), JUDGED)
    first = judge_batch(keep("batch-01", make_frame(seed=1, extra=MORE)), JUDGED, 44, placebo=placebo)
    whole = make_frame(seed=2, extra=MORE)
    roster = batch_of(whole)
    frame = keep("batch-02", whole[whole["agent"] != roster[0]])
    second = judge_batch(frame, JUDGED, 20, roster=roster, pooled=[first], placebo=placebo)
    soak = judge_soak(keep("soak", make_frame(seed=4, batch=0, extra=MORE)), SOAKED)
    bounds = {"latency": 0.015}
    everybody = (*first.treated, *second.treated, "m9/Promoted")
    day = judge_day([first, second], soak, bounds=bounds, roster=everybody)
    write_judgements(tmp_path, {1: first, 2: second}, placebo, day, JudgedBy(JUDGED, SOAKED, bounds, everybody))
    return tmp_path


def again(folder):
    """All that the replay says."""
    stored = read_judgements(folder)
    return list(replay(folder, stored, stored.policy))


def test_everything_is_reproduced_exactly(run):
    """Placebo, both batches (look, roster and restart effect included), soak and day: the same to the last digit."""
    told = again(run)
    assert [each.what for each in told] == ["placebo", "batch 1", "batch 2", "soak", "day"]
    assert [each.difference for each in told] == [None] * 5


def test_a_changed_sample_is_found_and_named(run):
    """One agent a little slower in the stored samples: the batch is named, with metric and field, and no other batch is."""
    file = run / "samples" / "batch-01.parquet"
    frame = pd.read_parquet(file)
    frame.loc[(frame["agent"] == batch_of(frame)[0]) & (frame["metric"] == "latency") & (frame["t"] > 0), "value"] *= 1.001
    frame.to_parquet(file, index=False)
    told = {each.what: each.difference for each in again(run)}
    assert told["batch 1"].startswith("metrics.latency.figures.estimate: ")
    assert [what for what, difference in told.items() if difference] == ["batch 1"]


def test_another_policy_is_another_verdict(run):
    """The policy is stored because a plan may change: with another bound the replay does not agree."""
    stored = read_judgements(run)
    strict = replace(JUDGED, metrics=(replace(JUDGED.metrics[0], bound=0.001), *JUDGED.metrics[1:]))
    told = list(replay(run, stored, replace(stored.policy, batches=strict)))
    assert told[1].difference is not None


def test_a_soak_is_judged_again_only_by_its_own_policy(run):
    """A run that did not say how long its soak was keeps the stored verdict of it."""
    stored = read_judgements(run)
    told = list(replay(run, stored, replace(stored.policy, soak=None)))
    assert [each.what for each in told] == ["placebo", "batch 1", "batch 2", "day"]
    assert all(each.difference is None for each in told)


def test_a_batch_is_told_of_those_before_it(tmp_path):
    """A harmless batch after a bad one was not let on because of the pooled day; judged alone it would be."""
    (tmp_path / "samples").mkdir()
    bad, good = make_frame(seed=1, latency=1.3), make_frame(seed=2)
    for index, frame in ((1, bad), (2, good)):
        frame.to_parquet(tmp_path / "samples" / f"batch-{index:02d}.parquet", index=False)
    first = judge_batch(bad, POLICY)
    second = judge_batch(good, POLICY, pooled=[first])
    assert (second.proceed, judge_batch(good, POLICY).proceed) == (False, True)
    write_judgements(tmp_path, {1: first, 2: second}, (), None, JudgedBy(POLICY))
    assert [each.difference for each in again(tmp_path)] == [None, None]


def test_missing_samples_are_refused_by_name(run):
    """Without its samples nothing is reproduced."""
    (run / "samples" / "batch-02.parquet").unlink()
    with pytest.raises(InputError, match=r"batch-02\.parquet: is not stored"):
        again(run)
