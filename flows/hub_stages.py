"""Day 2's changes as stages of the one batch loop: the edge hub, the central one, then the routes of the agents."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from flows.bake import Baked, Baking, judge_health
from flows.batch_loop import Stage, roll_out
from flows.day_run import DayRun
from flows.pair_gates import judge_consistency
from rollout.batches import Batch, schedule
from rollout.errors import Refused
from rollout.executor import Activation
from rollout.hub import Hub
from rollout.plan import ChangeKind
from rollout.verdict import Evidence, Finding, worst
from tasks.pair import check_configuration


def require_configuration(run: DayRun) -> None:
    """Both hubs' configurations are accepted by promtool before anything is touched. Raises Refused with its words."""
    if refused := check_configuration(run.site.hub_service):
        raise Refused("promtool refuses the configuration of " + "; ".join(f"{agent}: {reason}" for agent, reason in refused.items()))


def deploy_hub(run: DayRun, hub: Hub) -> None:
    """Make one hub a hub of the pair, unless it is one already."""
    executor = run.executor_of(ChangeKind.HUBS)
    if hub.agent.id in executor.find_finished([hub.agent]):
        run.record.notes.append(f"hub {hub.name} was as wanted before this run; it was not touched")
        return
    index = 1 + run.site.hub_pair.hubs[::-1].index(hub)
    roll_out(run, Stage(executor, (Batch(index, index, (hub.agent,)),), 0.0, _bake_hub))


def route_agents(run: DayRun) -> None:
    """Move the agents to their own machines' hubs, batch by batch."""
    executor = run.executor_of(ChangeKind.ROUTING)
    found = executor.find_finished(run.agents)
    agents = [agent for agent in run.agents if agent.id not in found]
    if found:
        run.record.notes.append(f"{len(found)} agents were routed as wanted before this run")
    if not agents:
        return
    cut = schedule(agents, run.site.fleet, run.parameters.batch_size or run.batches.size, run.batches.canary, run.batches.neighbours).batches
    hubs = len(run.site.hub_pair.hubs)
    batches = tuple(replace(batch, index=batch.index + hubs, first=batch.first + hubs) for batch in cut)
    roll_out(run, Stage(executor, batches, run.day.spacing(run.pace, run.site.scrape_interval), _bake_routes))


def _bake_hub(run: DayRun, batch: Batch, activation: Activation, last: bool) -> Baked:
    """A hub is judged by its witnesses; whether it synchronises shows only when agents are routed."""
    findings = _judged_rows(run, "hub_health", activation, f"hub of batch {batch.index}")
    baking = Baking(run, batch, activation, last=last)
    return baking.baked(baking.decide(worst(findings), frozenset(), proceed=False, extensions_left=0), "hub_health", findings)


def _bake_routes(run: DayRun, batch: Batch, activation: Activation, last: bool) -> Baked:
    """Routed agents are judged by the routes' witnesses, then by their samples at both hubs and their health through the bake."""
    routed = _judged_rows(run, "hub_routing", activation, f"batch {batch.index}")
    baking = Baking(run, batch, activation, last=last)
    if worst(routed):
        return baking.baked(baking.decide(worst(routed), frozenset(), proceed=True, extensions_left=0), "hub_routing", routed)
    run.wait_until(activation.verified_at + run.windows.samples * run.site.scrape_interval)
    health = judge_health(run, run.changed(), activation.verified_at, f"after batch {batch.index}", {})
    same = judge_consistency(run, batch.ids, f"batch {batch.index}")
    findings = (*routed, *health, *same)
    decision = baking.decide(worst(findings), frozenset(), proceed=True, extensions_left=0)
    return baking.baked(decision, "hub_consistency" if worst(same) > worst(health) else "batch_health", findings)


def _judged_rows(run: DayRun, suite: str, activation: Activation, what: str) -> tuple[Finding, ...]:
    """The witnesses' rows against a suite."""
    rows = pd.DataFrame([dict(reading.row) for reading in activation.readings])
    query = "getAllProcessInfo; /proc/net/tcp; target files; GET /api/v1/status, /api/v1/targets"
    evidence = Evidence("supervisor, /proc, files, hubs", query, activation.since, activation.verified_at, len(rows))
    agents = [reading.agent for reading in activation.readings]
    return run.judge(suite, rows, run.gate(suite).bounds, evidence, agents, (), what)
