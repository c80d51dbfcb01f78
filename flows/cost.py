"""What a change costs those who collect its metrics, before and after (issue 7, section 7)."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import pandas as pd

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.errors import Held
from rollout.observe.cost import STORED, HubCost, growth_frame, queries_text
from rollout.verdict import Evidence, Finding
from tasks.measure import measure_cost, measure_hub

BEFORE = "cost-before"


def record_cost(run: DayRun) -> None:
    """What every hub holds and takes in before the change; a resumed run keeps what its first attempt saw."""
    if run.changed() and run.stored_samples(BEFORE) is not None:
        return
    run.keep_samples(BEFORE, pd.DataFrame([asdict(hub) for hub in _hubs(run)]))


def assess_cost(run: DayRun) -> None:
    """The same after it, per agent and per hub. Raises GateFailed when the change costs more than the plan allows, Held when that cannot be told."""
    agents, window = [agent.id for agent in run.agents], _window(run)
    frame = patiently(run, lambda: measure_cost(run.site, agents, window, len(agents)))
    run.keep_samples("cost-agents", frame)
    now = run.site.clock.now()
    evidence = Evidence(run.site.sources.name, queries_text(window), now - window, now, len(frame))
    findings = [*run.judge("cost", frame, run.gate("cost").bounds, evidence, agents, (), "all agents")]
    stored = run.stored_samples(BEFORE)
    before = {} if stored is None else {hub.hub: hub for hub in (HubCost(*row) for row in stored.itertuples(index=False, name=None))}
    for after in _hubs(run):
        findings += _grown(run, before.get(after.hub), after, window)
    if len(frame):
        run.record.notes.append(
            f"cost of collecting: {frame['series'].sum():.0f} series of {len(frame)} agents, at most {frame['series'].max():.0f} of one; "
            f"at most {frame['samples_per_scrape'].max():.0f} samples and {1000 * frame['scrape_seconds'].max():.0f} ms a scrape"
        )
    run.require("cost", findings)


def _hubs(run: DayRun) -> list[HubCost]:
    """Every hub; what one costs that does not answer within the plan's budget is not known. Raises Held when none does."""
    found: list[HubCost] = []
    silent: list[Held] = []
    for hub in run.site.sources.ordered:
        try:
            found.append(patiently(run, partial(measure_hub, run.site, hub, _window(run), hub.name)))
        except Held as held:
            silent.append(held)
            run.record.unknowns.append(f"what collecting costs {hub.name}: {held}")
    if silent and not found:
        raise silent[-1]
    return found


def _grown(run: DayRun, before: HubCost | None, after: HubCost, window: int) -> tuple[Finding, ...]:
    """One hub. A hub that nobody had asked before has grown by nobody knows what."""
    frame = growth_frame(before, after, len(run.agents)) if before else pd.DataFrame()
    evidence = Evidence(after.hub, STORED % (window, window, window), before.at if before else after.at - window, after.at, len(run.agents))
    if before:
        run.record.notes.append(
            f"{after.hub}: {before.series:.0f} series before and {after.series:.0f} after; "
            f"{before.samples_per_second:.0f} samples a second before and {after.samples_per_second:.0f} after"
        )
    return run.judge("cost_growth", frame, run.gate("cost_growth").bounds, evidence, (), (), after.hub)


def _window(run: DayRun) -> int:
    """Seconds over which scrapes are counted."""
    return int(run.gate("cost").bounds["window_seconds"])
