"""After a rollback: the second clock (healthy and grossly normal) and what it lets a report say (architecture.md, guarantee 4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from rollout.errors import RolloutError, SourceFault
from rollout.executor import Reversal
from rollout.fleet import Agent
from rollout.observe.impact import impact_samples
from rollout.observe.recovery import healthy_share, shifts
from rollout.plan import Day, Recovery
from rollout.site import Site
from rollout.verdict import Evidence, Finding, Verdict

LATENCY = "latency"
"""The impact metric whose median tells gross normality."""
NAMED = 5
"""Agents that a sentence names one by one."""
CUT_SHORT = "the look had to end before the plan's time was over"
LOOK = 2.0
"""Seconds between two looks while the fleet settles."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What was seen after a rollback. seconds: from its begin until normal, None if that was not seen in time; sentence: of the baseline."""

    seconds: float | None
    sentence: str
    finding: Finding


def confirm(
    site: Site, day: Day, baseline: pd.DataFrame | None, reversal: Reversal, check: str = "rollback", *, ends: Callable[[], bool] = lambda: False
) -> Confirmation | None:
    """Watch the restored agents until probes and the median latency are normal, the day's rollback budget is over, or the look has to end.

    None where the day's plan says nothing of recovery or nobody was restored. Never raises for a source or an agent: a recovery that cannot be
    measured is reported as not measured, the rollback itself stands. check: the finding's name; ends: whether nobody may wait any longer, which is
    no failure of the agents.
    """
    recovery, budget = day.recovery, day.deadlines.rollback
    agents = [site.fleet.agent(agent) for agent in reversal.restored]
    if recovery is None or not agents:
        return None
    verdict, sentence = Verdict.ERROR, "nothing was seen"
    while site.clock.now() - reversal.began < budget:
        verdict, sentence = _look(site, day, baseline, reversal, agents, recovery)
        if verdict in (Verdict.PASS, Verdict.ERROR):
            break
        if ends():
            verdict, sentence = Verdict.INCONCLUSIVE, f"{sentence}; {CUT_SHORT}"
            break
        site.clock.sleep(LOOK)
    seconds = site.clock.now() - reversal.began
    finding = _finding(site, budget, reversal, verdict, sentence, seconds, check)
    return Confirmation(seconds if verdict is Verdict.PASS else None, sentence, finding)


def _look(
    site: Site, day: Day, baseline: pd.DataFrame | None, reversal: Reversal, agents: Sequence[Agent], recovery: Recovery
) -> tuple[Verdict, str]:
    """One look: PASS when all is normal, FAIL when it is not (yet), INCONCLUSIVE while somebody is not seen, ERROR when it cannot be told."""
    try:
        share = healthy_share(site.machines, agents, site.prober)
    except RolloutError as error:
        return Verdict.FAIL, f"agents cannot be seen: {error}"
    if share < recovery.probes:
        return Verdict.FAIL, f"{share:.0%} of the restored agents are healthy"
    return _latency(site, day, baseline, reversal, agents, recovery.latency)


def _latency(site: Site, day: Day, baseline: pd.DataFrame | None, reversal: Reversal, agents: Sequence[Agent], allowed: float) -> tuple[Verdict, str]:
    """Whether the median latency after the rollback is within `allowed` (a fraction) of the baseline, each agent against itself."""
    metrics = [metric for metric in day.impact if metric.name == LATENCY]
    if baseline is None or not metrics or day.bake is None:
        return Verdict.ERROR, "all restored agents are healthy; their latency has no baseline to be compared with"
    interval, rate = site.scrape_interval, day.bake.rate * site.scrape_interval
    start, end = reversal.ended + rate, site.clock.now()
    if end - start < rate:
        return Verdict.FAIL, "waiting for samples after the rollback"
    names = [agent.id for agent in agents]
    try:
        after = impact_samples(site.sources.usable(), metrics, names, start, end, interval, rate)
    except SourceFault as fault:
        return Verdict.ERROR, f"all restored agents are healthy; their latency could not be measured: {fault}"
    return _compared(baseline, after, set(day.applicable(agents)[LATENCY]), allowed)


def _compared(baseline: pd.DataFrame, after: pd.DataFrame, wanted: Collection[str], allowed: float) -> tuple[Verdict, str]:
    """What the latencies of those that serve work say; one who is missing on either side keeps the others from speaking for all."""
    each = shifts(baseline, after, LATENCY)
    if unknown := set(wanted) - set(baseline.loc[baseline["metric"] == LATENCY, "agent"]):
        return Verdict.ERROR, f"all restored agents are healthy; the baseline has no latency of {_some(unknown)}"
    if unseen := set(wanted) - set(each.index):
        return Verdict.INCONCLUSIVE, f"all restored agents are healthy; no latency sample has arrived of {_some(unseen)}"
    if not wanted:
        return Verdict.ERROR, "all restored agents are healthy; none of them serves work whose latency could be seen"
    shift = float(each[sorted(wanted)].median())
    sentence = f"all restored agents are healthy, median latency of {len(wanted)} {shift:+.1%} against the baseline (allowed: {allowed:.0%})"
    return (Verdict.PASS if abs(shift) <= allowed else Verdict.FAIL), sentence


def _some(agents: Collection[str]) -> str:
    """The first few of them."""
    return ", ".join(sorted(agents)[:NAMED]) + (f" and {len(agents) - NAMED} others" if len(agents) > NAMED else "")


def _finding(site: Site, budget: float, reversal: Reversal, verdict: Verdict, sentence: str, seconds: float, check: str) -> Finding:
    """What the criterion may say: it failed if anything was left behind or the time was over."""
    if reversal.quarantined or (seconds > budget and verdict is not Verdict.INCONCLUSIVE):
        verdict = Verdict.FAIL
    evidence = Evidence("supervisor, /proc, probe, " + site.sources.name, "read-back of each restored agent; latency", reversal.began,
                        site.clock.now(), len(reversal.restored))  # fmt: skip
    observed = f"restored in {reversal.seconds:.1f} s, normal in {seconds:.1f} s"
    return Finding(check, verdict, observed, f"<= {budget:.0f} s", f"{len(reversal.restored)} agents restored: {sentence}.", evidence,
                   tuple(reversal.quarantined))  # fmt: skip
