"""What the judge is shown at each look of a bake, and what the run keeps of its answers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from flows.day_run import DayRun
from flows.neighbourhood import first_touched
from flows.patience import patiently
from rollout.batches import Batch
from rollout.executor import Activation
from rollout.judge.batch import judge_batch
from rollout.judge.judgement import BatchJudgement
from rollout.judge.restart import restart_effect
from rollout.judge_findings import batch_findings
from rollout.observe.impact import Window, treated_frame
from rollout.observe.restarts import Restart
from rollout.verdict import Evidence, Finding
from tasks.measure import measure_impact

MOST_STEPS = 10_000
"""Of one question: Prometheus refuses more than 11 000 points a series (prometheus.io, HTTP API, range queries)."""


def judge_look(run: DayRun, batch: Batch, activation: Activation, look: int, restarts: Mapping[str, Restart]) -> BatchJudgement:
    """Judge the batch on the data so far and store exactly the samples that were judged; the last look's are what a replay reads."""
    samples = _samples(run, batch, activation)
    settle = run.windows.settle * run.site.scrape_interval
    window = Window(first_touched(run, batch, activation), activation.verified_at, settle, {agent: restart.at for agent, restart in restarts.items()})
    neighbours = run.neighbours(batch)
    if batch.is_canary and run.placebo:
        placebo = treated_frame(samples, run.placebo, neighbours, window)
        run.restart_effects = restart_effect(placebo, run.policy)
        run.keep_samples("placebo", placebo)
    frame = treated_frame(samples, batch.ids, neighbours, window)
    run.keep_samples(f"batch-{batch.index:02d}", frame)
    return judge_batch(frame, run.policy, look, roster=batch.ids, pooled=run.judgements, placebo=run.restart_effects)


def findings_of(run: DayRun, judgement: BatchJudgement, activation: Activation) -> tuple[Finding, ...]:
    """The judgement as findings, one per metric."""
    return batch_findings(judgement, impact_evidence(run, activation.since, activation.verified_at))


def impact_evidence(run: DayRun, start: float, end: float) -> Evidence:
    """Where the impact samples of a window come from; samples: agents times metrics."""
    rate = f"{run.windows.rate * run.site.scrape_interval:g}s"
    query = "; ".join(metric.promql("...", rate) for metric in run.day.impact)
    return Evidence(run.site.sources.name, query, start, max(end, start), len(run.agents) * len(run.day.impact))


def _samples(run: DayRun, batch: Batch, activation: Activation) -> pd.DataFrame:
    """The impact metrics of the whole fleet from before the act until now."""
    interval, windows = run.site.scrape_interval, run.windows
    touched, seen = first_touched(run, batch, activation), activation.verified_at - windows.rate * interval
    start = touched - windows.before * interval
    everybody = [agent.id for agent in run.site.fleet.agents]
    what = f"the impact of batch {batch.index}"
    rate = windows.rate * interval
    if (run.site.clock.now() - start) / interval <= MOST_STEPS or seen <= touched:
        return patiently(run, lambda: measure_impact(run.site, run.day.impact, everybody, start, run.site.clock.now(), rate, what))
    # held for days in between: what nobody judges is not asked for
    before = patiently(run, lambda: measure_impact(run.site, run.day.impact, everybody, start, touched, rate, what))
    after = patiently(run, lambda: measure_impact(run.site, run.day.impact, everybody, seen, run.site.clock.now(), rate, what))
    return pd.concat([before, after], ignore_index=True)
