"""Judgements on disk: every digit, in one step, and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rollout.errors import InputError
from rollout.judge.batch import judge_batch
from rollout.judge.day import judge_day
from rollout.judge.policy import MachineShare, MetricForm, MetricPolicy
from rollout.judge.restart import restart_effect
from rollout.judge.soak import judge_soak
from rollout.judgement_file import JUDGEMENTS, JudgedBy, read_judgements, write_judgements
from tests.judge.fleet_frames import POLICY, make_frame

SHARE = MetricPolicy("cpu", MetricForm.SHARE_OF_MACHINE, machines=(MachineShare("m0", 2.0, 15),), not_applicable=("m0/A000",))


def test_what_is_read_equals_what_was_written(tmp_path):
    """Judgements, restart effects, day, soak and policies survive the file exactly."""
    batches = {index: judge_batch(make_frame(seed=index), POLICY) for index in (1, 2)}
    placebo = restart_effect(make_frame(seed=9, batch=3), POLICY)
    soak_policy = replace(POLICY, settle=0, after=60, looks=(60,), extension=0)
    day = judge_day(list(batches.values()), judge_soak(make_frame(batch=0), soak_policy), bounds={"latency": 0.02})
    policy = JudgedBy(replace(POLICY, metrics=(*POLICY.metrics, SHARE)), soak_policy, {"latency": 0.02}, ("m0/A000", "m9/B"))
    write_judgements(tmp_path, batches, placebo, day, policy)
    stored = read_judgements(tmp_path)
    assert (stored.batches, stored.placebo, stored.day, stored.policy) == (batches, placebo, day, policy)
    assert [file.name for file in tmp_path.iterdir()] == [JUDGEMENTS]


def test_a_run_that_ended_early_keeps_its_batches(tmp_path):
    """Neither day nor policy has to be known; a later write replaces the file."""
    first = judge_batch(make_frame(), POLICY)
    write_judgements(tmp_path, {1: first}, (), None)
    write_judgements(tmp_path, {1: first, 2: first}, (), None)
    stored = read_judgements(tmp_path)
    assert (sorted(stored.batches), stored.day, stored.policy) == ([1, 2], None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "stored no judgements"),
        ("{", "cannot be read"),
        ("[]", "schema_version"),
        (json.dumps({"schema_version": 2}), "schema_version: is 2"),
        (json.dumps({"schema_version": 1, "batches": {"1": {"verdict": "PASS"}}, "placebo": [], "day": None, "policy": None}), "another shape"),
    ],
)
def test_anything_else_is_refused(tmp_path, text, reason):
    """A missing, broken, newer or foreign file is named with the reason."""
    if text is not None:
        (tmp_path / JUDGEMENTS).write_text(text)
    with pytest.raises(InputError, match=reason):
        read_judgements(tmp_path)
