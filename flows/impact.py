"""The performance impact assessment: a soak of the changed fleet, then the day's verdict on what the change cost (plan.md lines 77-82)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from flows.day_run import DayRun
from flows.judging import impact_evidence
from flows.lasting import require_lasting
from flows.patience import patiently
from rollout.errors import Refused
from rollout.judge.day import judge_day
from rollout.judge.policy import JudgePolicy
from rollout.judge.soak import judge_soak
from rollout.judge_findings import day_findings, day_shadows
from rollout.judgement_file import JudgedBy
from tasks.measure import measure_impact


def assess_impact(run: DayRun) -> None:
    """Let the changed fleet run, then pool what every batch showed; at the end every changed agent must still be so, and up.

    Raises GateFailed when the change costs too much or an agent did not last, Held when that cannot be told.
    """
    if run.day.soak is None:
        raise Refused(f"day {run.day.day} has no soak")
    began = run.site.clock.now()
    run.wait_until(began + run.day.soak)
    evidence = impact_evidence(run, run.record.started, run.site.clock.now())
    policy = _soak_policy(run, began)
    bounds = {metric.name: metric.day_bound for metric in run.day.impact if metric.day_bound is not None}
    roster = tuple(run.changed())
    judgement = judge_day(run.judgements, judge_soak(_soak_frame(run, began), policy), bounds=bounds, roster=roster)
    run.keep("impact", day_findings(judgement, evidence, run.judgements))
    if shadows := day_shadows(judgement, evidence, run.judgements):
        run.keep("shadow", shadows)
    run.keep_judgements(judgement, JudgedBy(run.policy, policy, bounds, roster))
    require_lasting(run, run.standing, began, "through the soak")
    run.stop_unless_harmless(judgement)


def _soak_policy(run: DayRun, began: float) -> JudgePolicy:
    """The day's policy over the soak as one window: nothing settles, nothing is extended."""
    length = max(1, int((run.site.clock.now() - began) / run.site.scrape_interval))
    return replace(run.policy, settle=0, after=length, looks=(length,), extension=0)


def _soak_frame(run: DayRun, began: float) -> pd.DataFrame:
    """The changed agents through the soak and the time before it: does any drift away from the others?"""
    interval, windows = run.site.scrape_interval, run.windows
    rate, agents = windows.rate * interval, [agent.id for agent in run.standing]
    start, end = began - windows.before * interval, run.site.clock.now()
    samples = patiently(run, lambda: measure_impact(run.site, run.day.impact, agents, start, end, rate, "the soak"))
    frame = samples.assign(t=samples["t"] - began, treated=True)
    run.keep_samples("soak", frame)
    return frame
