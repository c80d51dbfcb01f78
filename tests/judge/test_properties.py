"""What no rearrangement may change and no loss may prove."""

import numpy as np
import pandas as pd
import pytest
from fleet_frames import POLICY, batch_of, make_frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.judge.batch import judge_batch
from rollout.verdict import Verdict

FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
EFFECTS = st.sampled_from([1.0, 1.03, 1.1])


def outcome(judged):
    """Everything that a flow acts on."""
    return judged.verdict, judged.proceed, judged.guilty, judged.suspects, judged.unseen


@FEW
@given(seed=st.integers(0, 50), effect=EFFECTS)
def test_order_of_rows_does_not_matter(seed, effect):
    """Rows in any order give the same judgement, figures included."""
    frame = make_frame(seed, agents=24, latency=effect, wander=0.02)
    assert judge_batch(frame.sample(frac=1.0, random_state=seed), POLICY) == judge_batch(frame, POLICY)


@FEW
@given(seed=st.integers(0, 50), effect=EFFECTS, factor=st.floats(1e-6, 1e6))
def test_unit_of_a_metric_does_not_matter(seed, effect, factor):
    """Seconds or milliseconds give the same verdict."""
    frame = make_frame(seed, agents=24, latency=effect, wander=0.02)
    scaled = frame.assign(value=frame["value"].where(frame["metric"] != "latency", frame["value"] * factor))
    assert outcome(judge_batch(scaled, POLICY)) == outcome(judge_batch(frame, POLICY))


@FEW
@given(seed=st.integers(0, 50), effect=EFFECTS, shift=st.floats(-2.9, 11.9))
def test_phase_of_the_scrapes_does_not_matter(seed, effect, shift):
    """Where in its interval a scrape falls, jitter included, changes no verdict."""
    frame = make_frame(seed, agents=24, latency=effect, wander=0.02)
    rng = np.random.default_rng(seed)
    moved = frame.assign(t=frame["t"] + shift)
    jittered = frame.assign(t=frame["t"] + rng.uniform(-1.0, 1.0, len(frame)))
    assert outcome(judge_batch(moved, POLICY)) == outcome(judge_batch(frame, POLICY))
    assert outcome(judge_batch(jittered, POLICY)) == outcome(judge_batch(frame, POLICY))


@FEW
@given(seed=st.integers(0, 50), effect=EFFECTS)
def test_names_of_agents_do_not_matter(seed, effect):
    """Exchanging names exchanges the blame and nothing else."""
    frame = make_frame(seed, agents=24, latency=effect, wander=0.02, hit=3)
    names = sorted(frame["agent"].unique())
    other = dict(zip(names, [f"x{at:03d}" for at in np.random.default_rng(seed).permutation(len(names))], strict=True))
    judged, renamed = judge_batch(frame, POLICY), judge_batch(frame.assign(agent=frame["agent"].map(other)), POLICY)
    assert (renamed.verdict, renamed.proceed) == (judged.verdict, judged.proceed)
    assert set(renamed.guilty) == {other[name] for name in judged.guilty}


@FEW
@given(data=st.data(), seed=st.integers(0, 50))
def test_loss_of_evidence_never_passes(data, seed):
    """Without an agent, most of one side, or a metric there is no PASS and no leave to proceed."""
    frame = make_frame(seed, agents=24)
    agent = data.draw(st.sampled_from(batch_of(frame)))
    own, late = frame["agent"] == agent, frame["t"] >= 0
    thin = np.random.default_rng(seed).random(len(frame)) < 0.7
    lost = {
        "agent": own,
        "agent's metric": own & (frame["metric"] == "errors"),
        "metric": frame["metric"] == "errors",
        "metric after": (frame["metric"] == "latency") & late,
        "most after": own & late & thin,
        "most before": own & ~late & thin,
        "end": own & (frame["t"] > 500),
    }
    for name, gone in lost.items():
        judged = judge_batch(frame[~gone], POLICY, roster=batch_of(frame))
        assert judged.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR), name
        assert not judged.proceed, name


def degenerate():
    """Frames at the edge, with the verdicts they may have."""
    frame = make_frame(agents=24)
    latency = frame["metric"] == "latency"
    never = {Verdict.INCONCLUSIVE, Verdict.ERROR}
    yield "empty", frame[:0], never
    yield "no columns", pd.DataFrame(), never
    yield "all NaN", frame.assign(value=np.nan), never
    yield "infinite", frame.assign(value=np.inf), never
    yield "negative", frame.assign(value=-1.0), never
    yield "one agent", frame[frame["agent"] == "m1/A023"], never
    yield "no treated", frame.assign(treated=False), never
    yield "no controls", frame.assign(treated=True), never
    yield "zero", frame.assign(value=0.0), never
    yield "one row", frame[:1], never
    yield "no machine", frame.assign(machine=None), never
    yield "NaN times", frame.assign(t=np.nan), never
    yield "constant", frame.assign(value=frame["value"].where(~latency, 3.0)), {Verdict.PASS}
    yield "every request fails", frame.assign(value=frame["value"].where(latency, 1.0)), {Verdict.PASS}


@pytest.mark.parametrize(("name", "frame", "allowed"), list(degenerate()), ids=lambda value: value if isinstance(value, str) else "")
def test_degenerate_input_has_a_defined_verdict_without_warnings(name, frame, allowed):
    """Warnings are errors here, so silence is part of the proof; at every look."""
    assert judge_batch(frame, POLICY).verdict in allowed
    for look in POLICY.looks:
        assert judge_batch(frame, POLICY, look).verdict is not Verdict.FAIL


def test_random_losses_never_warn():
    """Frames from which almost everything is missing at random are judged without a warning."""
    frame = make_frame(agents=24)
    for seed in range(8):
        judged = judge_batch(frame[np.random.default_rng(seed).random(len(frame)) < 0.02 * (seed + 1)], POLICY, roster=batch_of(frame))
        assert judged.verdict is not Verdict.PASS
