"""Judgements as findings: whose sentence, whose vote, whose name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.judge.batch import judge_batch
from rollout.judge.day import judge_day
from rollout.judge.soak import judge_soak
from rollout.judge_findings import batch_findings, day_findings, day_shadows
from rollout.verdict import Evidence, Verdict, worst
from tests.judge.fleet_frames import ERRORS, LATENCY, MEMORY, POLICY, batch_of, make_frame

EVIDENCE = Evidence("central", "sum(rate(x[60s]))", 100.0, 200.0, 999)
SHADOWED = replace(POLICY, metrics=(replace(LATENCY, shadow=True), ERRORS))


def test_a_harmless_batch_passes_with_the_agents_compared_as_evidence():
    """PASS names source, query, window and how many agents it rests on, in the judge's own words and unit."""
    judged = judge_batch(make_frame(), POLICY)
    latency, errors = batch_findings(judged, EVIDENCE)
    assert (latency.check, latency.verdict, latency.agents) == ("impact.latency", Verdict.PASS, ())
    assert latency.sentence == judged.metrics[0].sentence
    assert latency.evidence == replace(EVIDENCE, samples=10 + 20)
    assert (latency.bound, errors.bound) == ("< 2.0 %", "< 0.50 points")
    assert latency.observed.endswith("%]")


def test_a_bad_batch_names_the_guilty():
    """Those whom the judge blames stand in the finding, and nobody else."""
    frame = make_frame(latency=1.5, hit=3)
    finding = batch_findings(judge_batch(frame, POLICY), EVIDENCE)[0]
    assert finding.verdict is Verdict.FAIL
    assert {name.split("/")[1] for name in finding.agents} == {"A027", "A028", "A029"}


def test_agents_that_were_not_seen_are_named():
    """Without a guilty agent the finding names those for whom nothing is proven."""
    frame = make_frame()
    lost = batch_of(frame)[0]
    finding = batch_findings(judge_batch(frame[frame["agent"] != lost], POLICY, roster=batch_of(frame)), EVIDENCE)[0]
    assert (finding.verdict, finding.agents) == (Verdict.INCONCLUSIVE, (lost,))


def test_a_shadow_metric_is_reported_and_decides_nothing():
    """Twice as slow without a vote: told under its own name in the batch, absent from what the day is judged by."""
    judged = judge_batch(make_frame(latency=2.0), SHADOWED)
    shadow, errors = batch_findings(judged, EVIDENCE)
    assert (shadow.check, shadow.verdict) == ("shadow.latency", Verdict.INCONCLUSIVE)
    assert errors.check == "impact.errors"
    day = judge_day([judged])
    assert [finding.check for finding in day_findings(day, EVIDENCE, [judged])] == ["impact.errors"]
    (told,) = day_shadows(day, EVIDENCE, [judged])
    assert (told.check, told.verdict) == ("shadow.latency", Verdict.INCONCLUSIVE)
    assert worst(day_findings(day, EVIDENCE, [judged])) is day.metrics[1].verdict


def test_a_day_is_told_in_the_metrics_unit():
    """Eight MiB are not eight hundred percent; the guilty of the batches are the day's."""
    policy = replace(POLICY, metrics=(MEMORY,))
    harmless, heavy = (judge_batch(make_frame(extra={"memory": (100.0, 100.0 + more)}), policy) for more in (1.0, 40.0))
    (finding,) = day_findings(judge_day([harmless]), EVIDENCE, [harmless])
    assert (finding.verdict, finding.bound) == (Verdict.PASS, "< 8 MiB")
    assert finding.observed.endswith("MiB]")
    assert finding.evidence == replace(EVIDENCE, samples=10)
    (bad,) = day_findings(judge_day([heavy]), EVIDENCE, [heavy])
    assert (bad.verdict, bad.agents) == (Verdict.FAIL, heavy.guilty)


def test_a_soak_counts_only_where_a_metric_votes():
    """Its finding joins the voting metrics; a day of shadows says only that nothing is proven."""
    soak_policy = replace(POLICY, settle=0, after=60, looks=(60,), extension=0)
    soak = judge_soak(make_frame(batch=0), soak_policy)
    judged = judge_batch(make_frame(), POLICY)
    assert day_findings(judge_day([judged], soak), EVIDENCE)[-1].check == "impact.soak"
    silent = judge_batch(make_frame(), replace(POLICY, metrics=tuple(replace(metric, shadow=True) for metric in POLICY.metrics)))
    (only,) = day_findings(judge_day([silent], soak), EVIDENCE)
    assert (only.check, only.verdict) == ("impact", Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("batches", [[], [judge_batch(make_frame()[:0], POLICY, roster=("m0/A",))]])
def test_nothing_judged_is_an_error_never_a_pass(batches):
    """A day without a judgement, or with one that saw no data, measured nothing."""
    assert worst(day_findings(judge_day(batches), EVIDENCE, batches)) is Verdict.ERROR
