"""The baseline step: a quiet window, checked by its own suite and kept with its noise (plan.md lines 35-38)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.foresight import SPREADS, write_spreads
from rollout.judge.quiet import baseline_spreads
from rollout.observe.baseline import baseline_frame, noise_of
from rollout.plan import Day
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.measure import measure_impact

PAUSE = 5.0
"""Seconds between two looks whether the window is full and steady yet."""


def take_baseline(run: DayRun) -> None:
    """Measure all impact metrics of all agents before anything changes. Raises GateFailed or Held when there is no usable baseline.

    A resumed run has changed agents already and keeps the baseline of its first attempt, which passed this gate then.
    """
    if run.changed() and (stored := run.stored_samples("baseline")) is not None:
        run.baseline = stored
        run.record.notes.append("the baseline is that of the run's first attempt")
        return
    day = run.measured_day
    samples, findings = _steady_window(run, day)
    run.baseline = samples
    run.keep_samples("baseline", samples)
    write_spreads(run.folder, baseline_spreads(samples, run.policy_of(day)))
    run.record.samples["baseline-spreads"] = SPREADS
    for line in noise_of(samples).to_dict("records"):
        run.record.notes.append(
            f"baseline of {line['metric']}: {line['agents']} agents, mean {line['mean']:.4g}, spread between agents {line['cv']:.1%}"
        )
    run.require("baseline", findings)


def _steady_window(run: DayRun, day: Day) -> tuple[pd.DataFrame, Sequence[Finding]]:
    """The newest whole window that passes, with what the suite says of it.

    A site that has only just come up is waited for, a window and what an agent settles after its start: until then samples are missing, and what
    it costs to come up would count as what an agent costs. After that time the last window is judged as it is.
    """
    interval, windows = run.site.scrape_interval, run.windows_of(day)
    window, rate, settle = windows.before * interval, windows.rate * interval, windows.settle * interval
    query = "; ".join(metric.promql("...", f"{rate:g}s") for metric in day.impact)
    agents = [agent.id for agent in run.agents]
    patience = run.deadline(window + settle)
    while True:
        end = run.site.clock.now()
        samples = _window(run, day, agents, end)
        counts = samples.groupby(["agent", "metric"]).size()
        if patience.passed or (not counts.empty and counts.min() >= run.gate("baseline").bounds["min_samples"]):
            evidence = Evidence(run.site.sources.name, query, end - window, end, len(samples))
            findings = _judged(run, day, baseline_frame(samples, evidence.end), evidence)
            if patience.passed or worst(findings) is not Verdict.FAIL:
                return samples, findings
            why = "; ".join(each.sentence for each in findings if each.verdict is Verdict.FAIL)
            run.record.notes.append(f"a baseline was not steady and was taken again: {why}")
        run.wait_until(end + min(PAUSE, patience.remaining))


def _window(run: DayRun, day: Day, agents: Sequence[str], end: float) -> pd.DataFrame:
    """The impact metrics of these agents in the window before `end`."""
    windows, interval = run.windows_of(day), run.site.scrape_interval
    start, rate = end - windows.before * interval, windows.rate * interval
    return patiently(run, lambda: measure_impact(run.site, day.impact, agents, start, end, rate, "the baseline"))


def _judged(run: DayRun, day: Day, summary: pd.DataFrame, evidence: Evidence) -> list[Finding]:
    """The suite's findings; metrics that exist for the same agents are judged together, so that a missing row is missed."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for metric, agents in day.applicable(run.agents).items():
        groups.setdefault(agents, []).append(metric)
    findings: list[Finding] = []
    for agents, metrics in groups.items():
        rows = summary[summary["metric"].isin(metrics) & summary["agent"].isin(agents)]
        findings += run.judge("baseline", rows, run.gate("baseline").bounds, evidence, agents, metrics, ", ".join(metrics))
    return findings
