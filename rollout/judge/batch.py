"""Did this batch make anything worse?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from rollout.judge.day import judge_day
from rollout.judge.judgement import BatchJudgement, MetricJudgement
from rollout.judge.metric import judge_metric
from rollout.judge.panel import Panel, read_panel
from rollout.judge.policy import JudgePolicy
from rollout.judge.presence import Presence, tell_presence
from rollout.judge.restart import RestartEffect
from rollout.judge.sentence import sentence
from rollout.judge.testing import Look, open_case
from rollout.verdict import Verdict

PLAIN = JudgePolicy()


def judge_batch(
    frame: pd.DataFrame,
    policy: JudgePolicy = PLAIN,
    look: int | None = None,
    *,
    roster: Sequence[str] = (),
    pooled: Sequence[BatchJudgement] = (),
    placebo: Sequence[RestartEffect] = (),
) -> BatchJudgement:
    """Judges one batch at one look with the data so far (design, judge.md).

    frame: one row per agent, metric and scrape: agent, machine, metric, t (seconds from activation), value, treated; optionally weight
    (denominator: the value is then a ratio of counts), contaminated, reset, up, traffic. Agents that are not treated are controls.
    look: samples after settle, one of policy.looks, or after + extension for the extended bake; None is the end of the bake. Rows beyond
    it are not used. roster: the batch by name, so that an agent that vanished from the frame is still missed. pooled: the batches
    judged before in this day. placebo: what a mere restart does. Raises ValueError for a missing column or an unknown look.
    """
    samples = policy.samples_at(look)
    panel = read_panel(frame, policy, samples)
    return judge_panel(frame, panel, policy, samples, roster=roster, pooled=pooled, placebo=placebo)


def judge_bake(
    frame: pd.DataFrame, policy: JudgePolicy = PLAIN, *, roster: Sequence[str] = (), placebo: Sequence[RestartEffect] = (), extend: bool = False
) -> tuple[BatchJudgement, ...]:
    """Judges a recorded batch look by look, as the flow did: stops at a FAIL, and with `extend` goes on to the extended look unless it proceeds."""
    looks = (*policy.looks, policy.after + policy.extension) if extend and policy.extension else policy.looks
    panel = read_panel(frame, policy, looks[-1])
    made: list[BatchJudgement] = []
    for samples in looks:
        made.append(judge_panel(frame, panel.until(samples), policy, samples, roster=roster, placebo=placebo))
        if made[-1].verdict is Verdict.FAIL or made[-1].proceed:
            break
    return tuple(made)


def judge_panel(
    frame: pd.DataFrame,
    panel: Panel,
    policy: JudgePolicy,
    samples: int,
    *,
    roster: Sequence[str] = (),
    pooled: Sequence[BatchJudgement] = (),
    placebo: Sequence[RestartEffect] = (),
) -> BatchJudgement:
    """Judges samples already read into arrays; frame is asked only what became of agents that were not seen."""
    look = Look(samples, last=samples >= policy.after, extended=samples > policy.after)
    known = set(panel.agents[panel.treated])
    absent = tuple(sorted(set(roster) - known))
    restarts = {effect.metric: effect for effect in placebo}
    metrics = tuple(
        judge_metric(open_case(panel, at, policy, look, absent, restarts.get(metric.name)), restart_known=metric.name in restarts)
        for at, metric in enumerate(panel.metrics)
    )
    metrics = _explained(metrics, frame, policy, samples)
    votes = [metric for metric in metrics if metric.votes]
    verdict = max((metric.verdict for metric in votes), default=Verdict.ERROR if not metrics or not known else Verdict.INCONCLUSIVE)
    judged = BatchJudgement(verdict, False, samples, look.last, look.extended, tuple(sorted(known | set(absent))), metrics)
    proceed = bool(votes) and verdict <= Verdict.INCONCLUSIVE and all(metric.proceed for metric in votes)
    proceed = proceed and (not pooled or judge_day((*pooled, judged)).verdict is not Verdict.FAIL)
    return replace(judged, proceed=proceed)


def _explained(metrics: tuple[MetricJudgement, ...], frame: pd.DataFrame, policy: JudgePolicy, samples: int) -> tuple[MetricJudgement, ...]:
    """The judgements with the fate of their unseen agents and their sentence; the frame is searched only if someone is missing."""
    missing = {one.agent for metric in metrics for one in metric.unseen}
    rows = frame[frame["agent"].isin(missing)] if missing and len(frame) else frame[:0]
    told = {(one.agent, one.metric): one for one in tell_presence(rows, policy, samples) if one.presence is not Presence.SEEN} if len(rows) else {}
    explained = []
    for metric in metrics:
        full = replace(metric, unseen=tuple(told.get((one.agent, one.metric), one) for one in metric.unseen))
        explained.append(replace(full, sentence=sentence(full)))
    return tuple(explained)
