"""Day 5's questions to hubs and agents: who is discovered, do agents find each other, is the same told everywhere (plan.md lines 272-296)."""

from __future__ import annotations

from flows.day_run import DayRun
from flows.pair_gates import judge_consistency
from flows.patience import patiently
from rollout.errors import Refused
from rollout.hub import HubPair
from rollout.observe.discovery import QUERY
from rollout.observe.lookups import QUERIES, askers
from rollout.verdict import Evidence, Finding
from tasks.measure import measure_lookups
from tasks.pair import list_targets


def both_hubs(run: DayRun) -> HubPair:
    """The pair, both of it up: with one hub, or none, nothing across machines can be tested. Raises Refused with the names of those that are not."""
    pair = run.site.paired
    if pair is None:
        raise Refused(f"day {run.day.day} needs the two hubs of day 2, and site {run.site.name} does not run them as a pair")
    if down := [hub.name for hub in pair.hubs if not hub.client.ready()]:
        raise Refused(f"day {run.day.day} needs both hubs up; not ready: {', '.join(down)}")
    return pair


def judge_discovery(run: DayRun, pair: HubPair) -> tuple[Finding, ...]:
    """Every agent of the fleet is discovered, and nobody else; a narrower selection would take the others for strangers."""
    began = run.site.clock.now()
    frame = patiently(run, lambda: list_targets(pair))
    run.keep_samples("discovery", frame)
    evidence = Evidence(" and ".join(hub.name for hub in pair.hubs), QUERY, began, run.site.clock.now(), len(frame))
    agents = [agent.id for agent in run.site.fleet.agents]
    return run.judge("discovery", frame, run.gate("discovery").bounds, evidence, agents, (), "both hubs")


def judge_lookups(run: DayRun) -> tuple[Finding, ...]:
    """Every agent that depends on another has found it by name, once the last activated ones had time to ask and to be scraped."""
    bounds = run.gate("lookups").bounds
    window = int(bounds["window_seconds"])
    run.wait_until(run.last_activation + window)
    agents = askers(run.site.fleet, run.agents)
    frame = patiently(run, lambda: measure_lookups(run.site, agents, window, len(agents)))
    run.keep_samples("lookups", frame)
    now = run.site.clock.now()
    evidence = Evidence(run.site.sources.usable().name, "; ".join(QUERIES.values()), now - window, now, len(frame))
    return run.judge("lookups", frame, bounds, evidence, agents, (), "all that depend on others")


def judge_coordination(run: DayRun) -> tuple[Finding, ...]:
    """Both hubs have the same samples of every agent, whichever of them scraped it."""
    return judge_consistency(run, [agent.id for agent in run.agents], "all agents, across the machines")
