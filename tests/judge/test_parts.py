"""The small steps against textbook values and brute force."""

import json
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from fleet_frames import ERRORS, LATENCY, MEMORY, POLICY, make_frame, rising
from scipy.stats import t as student
from scipy.stats import trim_mean
from scipy.stats.mstats import winsorize

from rollout.judge.batch import judge_batch
from rollout.judge.calibration import calibrate
from rollout.judge.changes import relative_noise
from rollout.judge.day import DayJudgement, judge_day
from rollout.judge.group import GroupEstimate
from rollout.judge.improvement import ImprovementJudgement, judge_improvement, rank_sum_bound, signed_rank_bound
from rollout.judge.panel import read_panel
from rollout.judge.policy import JudgePolicy, MachineShare, MetricForm, MetricPolicy
from rollout.judge.power import QuietSpread, power_of
from rollout.judge.presence import Presence, tell_presence
from rollout.judge.quiet import plan_power
from rollout.judge.robust import block_error, trimmed_mean_over_time, trimmed_weights, winsorised_sd
from rollout.judge.sequential import spending
from rollout.judge.soak import judge_soak
from rollout.verdict import Verdict

RNG = np.random.default_rng(8)


def test_trimmed_means_agree_with_scipy_and_leave_out_what_is_missing():
    """20 % over time, NaN ignored; 10 % over agents."""
    values = RNG.standard_t(3, (5, 44))
    assert trimmed_mean_over_time(values) == pytest.approx(trim_mean(values, 0.2, axis=1))
    gappy = values.copy()
    gappy[:, ::3] = np.nan
    assert trimmed_mean_over_time(gappy)[2] == pytest.approx(trim_mean(values[2][~np.isnan(gappy[2])], 0.2))
    assert np.isnan(trimmed_mean_over_time(np.full((1, 4), np.nan)))[0]
    agents = RNG.standard_t(3, 23)
    assert trimmed_weights(agents, np.ones(23)) @ agents == pytest.approx(trim_mean(agents, 0.1))


def test_winsorised_spread_is_yuens():
    """The spread over sqrt(n) equals Yuen's standard error of the trimmed mean."""
    values = RNG.standard_t(3, 30)
    squares = np.asarray(winsorize(values, (0.1, 0.1))).var(ddof=1) * 29
    spread, free = winsorised_sd(values)
    assert (spread / np.sqrt(30), free) == (pytest.approx(np.sqrt(squares / (24 * 23))), 23)


def test_block_error_sees_what_single_samples_hide():
    """Samples that repeat in blocks carry as much as one sample a block."""
    means = RNG.normal(0, 1, (400, 7))
    error = block_error(np.repeat(means, 6, axis=1), 6)
    assert error.mean() == pytest.approx(1 / 7, rel=0.1)
    assert np.isnan(block_error(np.ones((2, 7)), 6)).all()


def test_a_loud_agent_has_less_say():
    """Sixteen times the squared error of the typical agent counts as four; an agent that cannot say counts as typical."""
    noise2 = relative_noise(np.array([1.0, 1.0, 16.0, np.nan, 1.0]), np.ones(5, dtype=bool))
    assert noise2 == pytest.approx([1.0, 1.0, 4.0, 1.0, 1.0])


def test_no_sample_changes_sides():
    """Jitter around the activation puts a sample neither before it nor after it wrongly."""
    t = np.array([-29.9, -14.9, -0.2, 0.3, 15.1])
    frame = pd.DataFrame({"agent": "a", "machine": "m", "metric": "x", "t": t, "value": [1.0, 2.0, 3.0, 4.0, 5.0], "treated": True})
    panel = read_panel(frame, JudgePolicy(settle=0, before=3, after=3, looks=(3,)), 3)
    (series,) = np.nan_to_num(panel.values[0])  # noqa: PD011 (an array of ours, not a frame)
    assert series.tolist() == [0.0, 1.0, 3.0, 4.0, 5.0, 0.0]


def test_looks_spend_exactly_alpha_and_little_of_it_early():
    """O'Brien-Fleming increments rise and add up."""
    levels = spending((8, 20, 32, 44), 0.01)
    assert sum(levels) == pytest.approx(0.01)
    assert levels[0] < 1e-6
    assert list(levels) == sorted(levels)


def test_bounds_are_students():
    """Upper and lower bounds and the detectable effect by the textbook."""
    group = GroupEstimate(0.01, 0.02, 15.0)
    assert group.upper(0.05) == pytest.approx(0.01 + student.ppf(0.95, 15) * 0.02)
    assert group.lower(0.001) == pytest.approx(0.01 - student.ppf(0.999, 15) * 0.02)
    assert group.detectable(0.001) == pytest.approx((student.ppf(0.999, 15) + student.ppf(0.8, 15)) * 0.02)


def test_presence_tells_six_kinds_of_nothing_apart():
    """Absent, stale, no traffic, target down, counter reset and another change each have their own name."""
    frame = make_frame(agents=16).query("metric == 'latency'").drop(columns="weight")
    frame = frame.assign(up=1.0, traffic=30.0, reset=False, contaminated=False)
    late = frame["t"] >= 0
    names = sorted(frame["agent"].unique())
    frame = frame[~((frame["agent"] == names[0]) & late) & ~((frame["agent"] == names[1]) & (frame["t"] > 300))]
    frame = frame[~((frame["agent"] == names[6]) & (frame["t"] < 0))]
    late = frame["t"] >= 0
    frame.loc[(frame["agent"] == names[2]) & late, ["traffic", "value"]] = [0.0, np.nan]
    frame.loc[(frame["agent"] == names[3]) & late, ["up", "value"]] = [0.0, np.nan]
    frame.loc[(frame["agent"] == names[4]) & late, "reset"] = True
    frame.loc[(frame["agent"] == names[5]) & late, "contaminated"] = True
    told = {one.agent: one.presence for one in tell_presence(frame, POLICY, 44)}
    kinds = [
        Presence.ABSENT,
        Presence.STALE,
        Presence.ZERO_TRAFFIC,
        Presence.TARGET_DOWN,
        Presence.COUNTER_RESET,
        Presence.CONTAMINATED,
        Presence.NEW,
        Presence.SEEN,
    ]
    assert [told[name] for name in names[:8]] == kinds


def test_the_day_proves_what_a_batch_cannot():
    """Eight batches that are each INCONCLUSIVE pool to a PASS, and to a FAIL if all are worse."""
    good = [judge_batch(make_frame(seed, wander=0.02), JudgePolicy(metrics=(LATENCY,))) for seed in range(8)]
    day = judge_day(good)
    assert {judged.verdict for judged in good} >= {Verdict.INCONCLUSIVE}
    assert day.verdict is Verdict.PASS
    assert day.metrics[0].upper < 0.02
    assert DayJudgement.from_record(json.loads(json.dumps(day.to_record()))) == day
    assert judge_day([judge_batch(make_frame(seed, latency=1.05), JudgePolicy(metrics=(LATENCY,))) for seed in range(4)]).verdict is Verdict.FAIL


def test_a_day_with_a_gap_or_without_batches_does_not_pass():
    """An unseen agent keeps the day from passing; no judgement at all is ERROR."""
    frame = make_frame()
    gap = judge_batch(frame[~((frame["agent"] == "m1/A029") & (frame["t"] > 0))], POLICY)
    assert judge_day([judge_batch(make_frame(2), POLICY), gap]).verdict is Verdict.INCONCLUSIVE
    assert judge_day([]).verdict is Verdict.ERROR


def test_a_batch_that_nobody_judged_keeps_the_day_from_passing():
    """A person promoted it while its source was silent: its agents have the change and nobody knows what it costs them."""
    good = [judge_batch(make_frame(seed, wander=0.02), JudgePolicy(metrics=(LATENCY,))) for seed in range(8)]
    roster = [agent for judged in good for agent in judged.treated]
    assert judge_day(good, roster=roster).verdict is Verdict.PASS
    day = judge_day(good, roster=[*roster, "m9/A999"])
    assert day.verdict is Verdict.INCONCLUSIVE
    assert "without m9/A999" in day.metrics[0].sentence


def test_a_soak_names_the_agent_that_drifts_and_forgives_what_all_do():
    """A leak in one agent is a FAIL that names it; a drift of the fleet is not; silence is ERROR."""
    steady = make_frame(wander=0.01, agents=40)
    latency = steady["metric"] == "latency"
    together = steady.assign(value=steady["value"].where(~(latency & (steady["t"] > 0)), steady["value"] * 1.2))
    leaking = together.assign(
        value=together["value"].where(~(latency & (together["agent"] == "m0/A004") & (together["t"] > 0)), together["value"] * 1.3)
    )
    assert judge_soak(together, POLICY).verdict is Verdict.PASS
    soak = judge_soak(leaking, POLICY)
    assert [one.agent for one in soak.drifting] == ["m0/A004"]
    assert judge_day([judge_batch(make_frame(), POLICY)], soak).verdict is Verdict.FAIL
    assert judge_soak(steady[:0], POLICY).verdict is Verdict.ERROR


def test_a_soak_names_the_agent_that_leaks_slowly():
    """A slope and no step: 20 MiB more at the end of fifteen minutes, where all others stay; of a slope of all nobody can be blamed."""
    policy, steady = JudgePolicy(metrics=(MEMORY,)), make_frame(agents=40, extra={"memory": (100.0, 100.0)})
    soak = judge_soak(rising(steady, ["m0/A004"], "memory", 20), policy)
    assert soak.verdict is Verdict.FAIL
    assert [(one.agent, one.metric) for one in soak.drifting] == [("m0/A004", "memory")]
    assert judge_soak(rising(steady, ["m0/A004"], "memory", 5), policy).verdict is Verdict.PASS
    assert judge_soak(rising(steady, steady["agent"].unique(), "memory", 20), policy).verdict is Verdict.PASS


def test_exact_bounds_agree_with_counting_every_outcome():
    """The order statistics are those of the full enumeration of signs and of ranks."""
    values = RNG.normal(0, 1, 6)
    averages = np.sort(((values[:, None] + values[None, :]) / 2)[np.triu_indices(6)])
    sums = sorted(sum(rank for rank, sign in zip(range(1, 7), signs, strict=True) if sign) for signs in product((0, 1), repeat=6))
    critical = max(value for value in set(sums) if sum(one <= value for one in sums) / 64 <= 0.05)
    assert signed_rank_bound(values) == averages[len(averages) - 1 - critical]
    before, after = RNG.normal(0, 1, 5), RNG.normal(0, 1, 6)
    counts = [sum(chosen) - 15 for chosen in combinations(range(1, 12), 5)]
    critical = max(value for value in set(counts) if np.mean(np.array(counts) <= value) <= 0.05)
    assert rank_sum_bound(before, after) == np.sort((after[:, None] - before[None, :]).ravel())[30 - 1 - critical]
    assert signed_rank_bound(values[:4]) is None


def starts(ratio, agents=8, runs=6, seed=4):
    """Start-up times with a cold first start on each side."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"a{agent}", (3.0 if not run else 1.0) * 0.6 * (ratio if changed else 1.0) * rng.lognormal(0, 0.05), changed)
        for agent in range(agents)
        for changed in (False, True)
        for run in range(runs)
    ]
    return pd.DataFrame(rows, columns=["agent", "seconds", "changed"])


def test_forty_percent_faster_is_claimed_only_with_its_bound():
    """A true 60 % proves "> 40 %", for the batch and for each agent; a true 40 % and a true 20 % do not."""
    proven = judge_improvement(starts(0.4))
    assert (proven.verdict, proven.unproven) == (Verdict.PASS, ())
    assert proven.p < 0.05
    assert judge_improvement(starts(0.6)).verdict is Verdict.INCONCLUSIVE
    assert judge_improvement(starts(0.8)).verdict is Verdict.FAIL
    assert judge_improvement(starts(0.4, runs=3)).unproven == tuple(f"a{agent}" for agent in range(8))
    assert judge_improvement(starts(0.4), roster=("a0", "ghost")).verdict is Verdict.INCONCLUSIVE
    assert judge_improvement(starts(0.4)[:0]).verdict is Verdict.ERROR
    assert ImprovementJudgement.from_record(json.loads(json.dumps(proven.to_record()))) == proven


def test_power_says_what_a_gate_cannot_resolve():
    """Twice the noise finds only larger effects; a gate too coarse for its bound is labelled."""
    quiet, loud = (plan_power(make_frame(wander=wander), POLICY, 10, 20)[0] for wander in (0.004, 0.08))
    assert quiet.detectable < 0.02
    assert quiet.resolves
    assert loud.detectable > 5 * quiet.detectable
    assert not loud.resolves
    assert "cannot resolve" in loud.sentence
    assert list(loud.powers) == sorted(loud.powers)
    assert quiet.pass_chance > 0.9 > loud.pass_chance


@pytest.mark.parametrize(("sigma", "level"), [(0.0, 1.0), (0.01, 0.0), (float("nan"), 1.0)])
def test_a_metric_without_a_scale_has_no_power(sigma, level):
    """One that never moved, or that stands at zero, is left out instead of divided by."""
    spreads = (QuietSpread("latency", sigma, level, counted=False), QuietSpread("errors", 0.001, 0.0, counted=True))
    assert [power.metric for power in power_of(spreads, POLICY.metrics, POLICY, 10, 20)] == ["errors"]


def test_calibration_on_quiet_data_raises_no_alarm_and_repeats_with_its_seed():
    """A/A batches are harmless by construction; the seed fixes them."""
    frame = make_frame(agents=30, samples=160)
    found = calibrate(frame, POLICY, batches=6, seed=3)
    assert found == calibrate(frame, POLICY, batches=6, seed=3)
    assert (found.false_alarms, found.batches) == (0.0, 6)
    assert not any(one.propose_shadow for one in found.metrics)
    with pytest.raises(ValueError, match="shorter than one batch"):
        calibrate(frame[frame["t"] < 300], POLICY, batches=1, seed=3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: MetricPolicy("x", bound=0.05, proceed_bound=0.02),
        lambda: MetricPolicy("x", relative_bound=0.1),
        lambda: MetricPolicy("x", MetricForm.ABSOLUTE, 1.0, 2.0, spread_floor=0.0),
        lambda: MachineShare("m", 0.0, 3),
        lambda: JudgePolicy(looks=(8, 20)),
        lambda: JudgePolicy(settle=-1),
        lambda: JudgePolicy(alpha=0.0),
        lambda: JudgePolicy(min_controls=1),
        lambda: JudgePolicy(metrics=(ERRORS, ERRORS)),
    ],
)
def test_a_policy_that_gates_nothing_is_refused(wrong):
    """Mistakes in the plan are found before anything is touched."""
    with pytest.raises(ValueError, match=r"\w"):
        wrong()
