"""After a rollback: the second clock (healthy and grossly normal) and what it lets the report say of the plan's rollback criterion."""

from __future__ import annotations

from collections.abc import Sequence

from flows.day_run import DayRun
from rollout.errors import RolloutError, SourceFault
from rollout.executor import Reversal
from rollout.fleet import Agent
from rollout.observe.impact import impact_samples
from rollout.observe.recovery import healthy_share, median_shift
from rollout.plan import Recovery
from rollout.verdict import Evidence, Finding, Verdict

LATENCY = "latency"
"""The impact metric whose median tells gross normality."""
LOOK = 2.0
"""Seconds between two looks while the fleet settles."""


def confirm_recovery(run: DayRun, reversal: Reversal) -> None:
    """Watch the restored agents until probes and the median latency are normal or the rollback's budget is over; keep what was seen.

    Never raises for a source or an agent: a recovery that cannot be measured is reported as not measured, the rollback itself stands.
    """
    recovery, budget = run.day.recovery, run.day.deadlines.rollback
    agents = [run.site.fleet.agent(agent) for agent in reversal.restored]
    if recovery is None or not agents:
        return
    verdict, sentence = Verdict.ERROR, "nothing was seen"
    while run.site.clock.now() - reversal.began < budget:
        verdict, sentence = _look(run, reversal, agents, recovery)
        if verdict is not Verdict.FAIL:
            break
        run.site.clock.sleep(LOOK)
    seconds = run.site.clock.now() - reversal.began
    if verdict is Verdict.PASS:
        run.record.seconds_to_healthy = seconds
    run.record.baseline_after = sentence
    run.keep("rollback", [_finding(run, reversal, verdict, sentence, seconds)])


def _look(run: DayRun, reversal: Reversal, agents: Sequence[Agent], recovery: Recovery) -> tuple[Verdict, str]:
    """One look: PASS when all is normal, FAIL when it is not (yet), ERROR when it cannot be told."""
    try:
        share = healthy_share(run.site.machines, agents, run.site.prober)
    except RolloutError as error:
        return Verdict.FAIL, f"agents cannot be seen: {error}"
    if share < recovery.probes:
        return Verdict.FAIL, f"{share:.0%} of the restored agents are healthy"
    return _latency(run, reversal, agents, recovery.latency)


def _latency(run: DayRun, reversal: Reversal, agents: Sequence[Agent], allowed: float) -> tuple[Verdict, str]:
    """Whether the median latency after the rollback is within `allowed` (a fraction) of the baseline, each agent against itself."""
    metrics = [metric for metric in run.day.impact if metric.name == LATENCY]
    if run.baseline is None or not metrics:
        return Verdict.ERROR, "all restored agents are healthy; their latency has no baseline to be compared with"
    interval, rate = run.site.scrape_interval, run.windows.rate * run.site.scrape_interval
    start, end = reversal.ended + rate, run.site.clock.now()
    if end - start < run.windows.rate * interval:
        return Verdict.FAIL, "waiting for samples after the rollback"
    names = [agent.id for agent in agents]
    try:
        after = impact_samples(run.site.sources.usable(), metrics, names, start, end, interval, rate)
    except SourceFault as fault:
        return Verdict.ERROR, f"all restored agents are healthy; their latency could not be measured: {fault}"
    shift = median_shift(run.baseline, after, LATENCY)
    if shift is None:
        return Verdict.ERROR, "all restored agents are healthy; no latency sample arrived after the rollback"
    sentence = f"all restored agents are healthy, median latency {shift:+.1%} against the baseline (allowed: {allowed:.0%})"
    return (Verdict.PASS if abs(shift) <= allowed else Verdict.FAIL), sentence


def _finding(run: DayRun, reversal: Reversal, verdict: Verdict, sentence: str, seconds: float) -> Finding:
    """What the rollback criterion may say: it failed if anything was left behind or the time was over."""
    budget = run.day.deadlines.rollback
    if reversal.quarantined or seconds > budget:
        verdict = Verdict.FAIL
    evidence = Evidence("supervisor, /proc, probe, " + run.site.sources.name, "read-back of each restored agent; latency", reversal.began,
                        run.site.clock.now(), len(reversal.restored))  # fmt: skip
    observed = f"restored in {reversal.seconds:.1f} s, normal in {seconds:.1f} s"
    return Finding("rollback", verdict, observed, f"<= {budget:.0f} s", f"{len(reversal.restored)} agents restored: {sentence}.", evidence,
                   tuple(reversal.quarantined))  # fmt: skip
