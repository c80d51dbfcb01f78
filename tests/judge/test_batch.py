"""The batch's verdicts on fleets whose truth is known."""

import json

import numpy as np
import pandas as pd
import pytest
from fleet_frames import ERRORS, LATENCY, MEMORY, POLICY, batch_of, make_frame, rising, with_few_requests

from rollout.judge.batch import judge_bake, judge_batch
from rollout.judge.judgement import BatchJudgement
from rollout.judge.policy import JudgePolicy, MachineShare, MetricForm, MetricPolicy
from rollout.judge.presence import Presence
from rollout.judge.restart import RestartEffect, restart_effect
from rollout.verdict import Verdict


def metric(judged, name):
    """One metric of a judgement."""
    return next(one for one in judged.metrics if one.metric == name)


def test_a_harmless_change_in_a_quiet_fleet_passes_and_proceeds():
    """Two percent can be proven where agents hardly differ, and then the verdict is PASS."""
    judged = judge_batch(make_frame(), POLICY)
    assert (judged.verdict, judged.proceed) == (Verdict.PASS, True)
    assert "proven < 2.0 %" in metric(judged, "latency").sentence


def test_a_slower_batch_fails_at_the_first_look_that_shows_it_and_names_all_its_agents():
    """+10 % in a quiet fleet stops the bake early and blames exactly the batch."""
    frame = make_frame(latency=1.10)
    bake = judge_bake(frame, POLICY)
    assert bake[-1].verdict is Verdict.FAIL
    assert bake[-1].samples < POLICY.after
    assert judge_batch(frame, POLICY).guilty == batch_of(frame)


def test_one_bad_agent_is_named_alone():
    """+50 % on one of ten is that agent's fault only."""
    judged = judge_batch(make_frame(latency=1.5, hit=1, wander=0.03), POLICY)
    assert judged.verdict is Verdict.FAIL
    assert judged.guilty == ("m1/A029",)


def test_what_moves_the_whole_machine_is_not_the_batchs_fault():
    """A neighbour that makes everything on the machine 30 % slower rolls nothing back."""
    frame = make_frame(machines=1)
    frame.loc[(frame["metric"] == "latency") & (frame["t"] > 100), "value"] *= 1.3
    assert judge_batch(frame, POLICY).verdict is Verdict.PASS


@pytest.mark.parametrize("steadily", [False, True])
def test_a_drift_of_the_whole_fleet_by_five_percent_is_nobodys_fault(steadily):
    """At once or by and by, everybody becomes slower by more than the bound: the batch is not blamed, and what all did is said."""
    frame = make_frame()
    late = (frame["metric"] == "latency") & (frame["t"] >= 0)
    drift = 1 + 0.05 * ((frame["t"] / 900) if steadily else 1)
    judged = judge_batch(frame.assign(value=frame["value"].where(~late, frame["value"] * drift)), POLICY)
    assert (judged.verdict, judged.guilty, judged.suspects) == (Verdict.PASS, (), ())
    assert metric(judged, "latency").figures.neighbours > 0.05 + 0.025
    alone = late & frame["treated"]
    assert judge_batch(frame.assign(value=frame["value"].where(~alone, frame["value"] * drift)), POLICY).verdict is not Verdict.PASS


@pytest.mark.parametrize("leaking", [1, 10])
def test_a_slow_leak_is_found_by_its_slope(leaking):
    """No step marks the change, and after fifteen minutes 20 MiB are gone: that agent is named, or the batch; inside the bound it is none."""
    policy, frame = JudgePolicy(metrics=(MEMORY,)), make_frame(extra={"memory": (100.0, 100.0)})
    agents = batch_of(frame)[-leaking:]
    bake = judge_bake(rising(frame, agents, "memory", 20), policy)
    assert bake[-1].verdict is Verdict.FAIL
    assert bake[-1].guilty == agents
    assert judge_bake(rising(frame, agents, "memory", 5), policy)[-1].verdict is Verdict.PASS


@pytest.mark.parametrize(("batch", "failed"), [(10, 0), (10, 1), (1, 0), (1, 1)])
def test_three_requests_are_no_evidence(batch, failed):
    """With or without an error among them: neither of a bound that is broken nor of one that is met."""
    judged = metric(judge_batch(with_few_requests(make_frame(batch=batch), failed), POLICY), "errors")
    assert (judged.verdict, judged.guilty, judged.unseen) == (Verdict.INCONCLUSIVE, (), ())


def test_a_canary_of_which_one_of_three_requests_failed_does_not_go_on():
    """Nobody else's did: it is held for a person, and not failed; without that error three requests are enough to go on and prove nothing."""
    errs, clean = (metric(judge_batch(with_few_requests(make_frame(batch=1), failed), POLICY), "errors") for failed in (1, 0))
    assert (errs.verdict, errs.proceed, errs.guilty) == (Verdict.INCONCLUSIVE, False, ())
    assert (clean.verdict, clean.proceed) == (Verdict.INCONCLUSIVE, True)


def test_errors_are_judged_in_points_and_none_at_all_can_pass():
    """+1 point FAILs; zero errors everywhere PASS, for the batch's pooled counts bound the rate."""
    assert metric(judge_batch(make_frame(errors=0.01), POLICY), "errors").verdict is Verdict.FAIL
    assert metric(judge_batch(make_frame(error_rate=0.0), POLICY), "errors").verdict is Verdict.PASS


def test_before_the_last_look_nothing_passes_and_nothing_proceeds():
    """An early look can only stop the bake."""
    judged = judge_batch(make_frame(), POLICY, look=32)
    assert metric(judged, "latency").figures.upper < 0.02
    assert (judged.verdict, judged.proceed) == (Verdict.INCONCLUSIVE, False)
    with pytest.raises(ValueError, match="no look at 9"):
        judge_batch(make_frame(), POLICY, look=9)


def test_blackout_is_an_error_of_the_source_and_a_silent_batch_is_not_proven():
    """No data from anybody is ERROR; no data from the batch alone is INCONCLUSIVE with its agents named."""
    frame = make_frame()
    dark = judge_batch(frame[frame["t"] < 0], POLICY)
    silent = judge_batch(frame[(frame["t"] < 0) | ~frame["treated"]], POLICY)
    assert (dark.verdict, dark.proceed) == (Verdict.ERROR, False)
    assert (silent.verdict, silent.proceed) == (Verdict.INCONCLUSIVE, False)
    assert silent.unseen == batch_of(frame)
    assert {one.presence for one in metric(silent, "latency").unseen} == {Presence.ABSENT}


def test_controls_of_another_machine_are_worth_nothing():
    """Without neighbours on its own machine even +50 % is neither FAIL nor PASS."""
    frame = make_frame(latency=1.5)
    judged = judge_batch(frame[frame["treated"] | (frame["machine"] == "m0")], POLICY)
    assert judged.uncontrolled == tuple(agent for agent in batch_of(frame) if agent.startswith("m1/"))
    quiet = make_frame()
    partly = judge_batch(quiet[quiet["treated"] | (quiet["machine"] == "m0")], POLICY)
    assert (partly.verdict, partly.proceed) == (Verdict.INCONCLUSIVE, False)
    alone = judge_batch(frame[frame["treated"]], POLICY)
    assert (alone.verdict, alone.proceed) == (Verdict.INCONCLUSIVE, False)


def test_four_neighbours_are_too_few_and_five_are_enough():
    """The spread of fewer than min_controls neighbours is no measure."""
    four, five = (judge_batch(make_frame(agents=agents, machines=1), POLICY) for agents in (14, 15))
    assert four.uncontrolled == four.treated
    assert five.uncontrolled == ()


def test_a_suspect_is_named_and_extends_the_bake_but_is_not_blamed():
    """Too little evidence for a FAIL is said as a suspicion; after the extension the rollout may go on with it."""
    frame = make_frame(seed=4, latency=1.14, hit=1, wander=0.03, samples=104)
    first, second = judge_batch(frame, POLICY), judge_batch(frame, POLICY, look=POLICY.after + POLICY.extension)
    assert (first.suspects, first.guilty, first.verdict) == (("m1/A029",), (), Verdict.INCONCLUSIVE)
    assert (first.proceed, second.proceed) == (False, True)
    assert "suspects: m1/A029" in metric(second, "latency").sentence


def test_an_agent_that_vanished_from_the_frame_is_missed_by_name():
    """The roster knows the batch even if the frame does not."""
    frame = make_frame()
    judged = judge_batch(frame[frame["agent"] != "m1/A029"], POLICY, roster=batch_of(frame))
    assert judged.unseen == ("m1/A029",)
    assert judged.verdict is Verdict.INCONCLUSIVE


def test_not_applicable_is_not_unseen():
    """An agent without the metric by design neither blocks PASS nor counts; without the word it would."""
    frame = make_frame()
    frame = frame[~((frame["agent"] == "m1/A029") & (frame["metric"] == "errors"))]
    exempt = MetricPolicy("errors", MetricForm.ABSOLUTE, 0.005, 0.01, not_applicable=("m1/A029",))
    assert judge_batch(frame, POLICY).verdict is Verdict.INCONCLUSIVE
    assert judge_batch(frame, JudgePolicy(metrics=(LATENCY, exempt))).verdict is Verdict.PASS


def test_a_shadow_metric_is_reported_without_a_vote():
    """A bad shadow metric is said to be bad and does not fail the batch."""
    shadow = MetricPolicy("latency", shadow=True)
    judged = judge_batch(make_frame(latency=1.3), JudgePolicy(metrics=(shadow, ERRORS)))
    assert judged.verdict is Verdict.PASS
    assert metric(judged, "latency").verdict is Verdict.FAIL
    assert judged.guilty == ()


def test_five_mib_on_a_small_agent_are_within_an_absolute_bound_and_thirty_are_not():
    """Turning metrics on costs a fifth of a small agent's memory and must not roll itself back; the relative cost is said all the same."""
    policy = JudgePolicy(metrics=(MEMORY,))
    judged = metric(judge_batch(make_frame(extra={"memory": (21.0, 26.0)}), policy), "memory")
    assert judged.verdict is Verdict.PASS
    assert judged.figures.estimate == pytest.approx(5.0, abs=0.2)
    assert judged.figures.relative == pytest.approx(5 / 21, abs=0.02)
    assert judge_batch(make_frame(extra={"memory": (21.0, 51.0)}), policy).verdict is Verdict.FAIL


def test_a_share_of_the_machine_is_spread_over_its_agents():
    """+0.1 core on each of 15 agents of a 4-core machine is 37 % of it; +0.002 is under one percent although it is +10 % of the agent."""
    shares = tuple(MachineShare(name, capacity=4.0, agents=15) for name in ("m0", "m1"))
    policy = JudgePolicy(metrics=(MetricPolicy("cpu", MetricForm.SHARE_OF_MACHINE, machines=shares),))
    cheap = metric(judge_batch(make_frame(extra={"cpu": (0.02, 0.022)}), policy), "cpu")
    assert (cheap.verdict, cheap.figures.estimate) == (Verdict.PASS, pytest.approx(0.0075, abs=0.0005))
    assert judge_batch(make_frame(extra={"cpu": (0.02, 0.12)}), policy).verdict is Verdict.FAIL


def test_a_restart_measured_on_a_placebo_is_taken_off_with_its_uncertainty():
    """+10 % that a mere restart explains is no FAIL; the bounds are wider than without."""
    placebo = restart_effect(make_frame(seed=5, batch=3, latency=1.1), POLICY)
    policy = JudgePolicy(metrics=(MetricPolicy("latency", subtract_restart=True),))
    frame = make_frame(latency=1.1)
    raw, corrected = judge_batch(frame, policy), judge_batch(frame, policy, placebo=placebo)
    assert placebo[0].effect == pytest.approx(np.log(1.1), abs=0.01)
    assert (raw.verdict, "cannot be told apart" in raw.sentences[0]) == (Verdict.FAIL, True)
    assert corrected.verdict is not Verdict.FAIL
    assert corrected.metrics[0].figures.se > raw.metrics[0].figures.se
    assert isinstance(placebo[0], RestartEffect)


def test_a_canary_never_passes_and_proceeds_only_without_gross_harm():
    """One agent cannot prove two percent; new errors or a gross slowdown hold it."""
    harmless = judge_batch(make_frame(batch=1, error_rate=0.0), POLICY)
    assert (harmless.verdict, harmless.proceed) == (Verdict.INCONCLUSIVE, True)
    assert not judge_batch(make_frame(batch=1, error_rate=0.0, errors=0.004), POLICY).proceed
    assert not judge_batch(make_frame(batch=1, error_rate=0.0, latency=1.4, wander=0.1), POLICY).proceed
    assert judge_batch(make_frame(batch=1, error_rate=0.004), POLICY).proceed


def test_a_contaminated_window_is_marked_and_extended_before_it_can_pass():
    """Samples in which something else changed are set aside; the first bake then neither PASSes nor proceeds, the extended one does."""
    frame = make_frame(samples=104)
    frame["contaminated"] = (frame["agent"] == "m1/A029") & frame["t"].between(400, 950)
    frame.loc[frame["contaminated"] & (frame["metric"] == "latency"), "value"] *= 5
    first = judge_batch(frame, POLICY)
    assert (first.verdict, first.proceed, first.contaminated) == (Verdict.INCONCLUSIVE, False, ("m1/A029",))
    assert judge_batch(frame, POLICY, look=POLICY.after + POLICY.extension).verdict is Verdict.PASS


def test_pooled_batches_that_fail_together_stop_a_batch_that_does_not():
    """Batches at +7 % in a loud fleet cannot each be told from harmless; together they can, and the next does not proceed."""
    frames = [make_frame(seed=seed, latency=1.07, wander=0.06) for seed in range(30, 52)]
    before = [judged for judged in (judge_batch(frame, POLICY) for frame in frames[:-1]) if judged.verdict is not Verdict.FAIL]
    last = next(frame for frame in frames[::-1] if judge_batch(frame, POLICY).proceed)
    assert len(before) > 10
    assert not judge_batch(last, POLICY, pooled=before).proceed


def test_a_judgement_survives_json_exactly():
    """What is replayed from a file equals what was judged, to the last bit."""
    for frame in (make_frame(latency=1.1), make_frame(batch=1), make_frame()[lambda rows: rows["t"] < 0]):
        judged = judge_batch(frame, POLICY)
        assert BatchJudgement.from_record(json.loads(json.dumps(judged.to_record(), allow_nan=False))) == judged
    with pytest.raises(TypeError, match="BatchJudgement"):
        BatchJudgement.from_record({"verdict": "PASS"})


def test_a_frame_without_a_needed_column_is_refused():
    """A wrong frame is the caller's mistake, not an absence of harm."""
    with pytest.raises(ValueError, match="treated"):
        judge_batch(pd.DataFrame({"agent": ["a"], "machine": ["m"], "metric": ["x"], "t": [1.0], "value": [1.0]}), POLICY)
