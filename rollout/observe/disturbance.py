"""What a day's restarts cost each agent's clients: seconds without the process, and requests lost (plan.md lines 409 and 416)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.fleet import Agent
from rollout.machine import Machine, side_by_side
from rollout.observe.frame import by_agent, selection
from rollout.observe.probe import Prober
from rollout.observe.prometheus import Source
from rollout.observe.witness import by_machine
from rollout.plan import ImpactMetric


@dataclass(frozen=True, slots=True)
class Downtime:
    """Seconds in which an agent did not serve: after stops that somebody asked for, and after ends of its own."""

    planned: float
    unplanned: float


def downtimes(machines: Mapping[str, Machine], agents: Sequence[Agent], prober: Prober, since: float) -> dict[str, Downtime]:
    """By agent that says how long it takes to start; one that was never away has zeros. Raises Unreachable.

    From the end of a process to the spawn of the next, as the supervisor's log has it, and from there to healthy as the agent itself says of its
    last start (of an earlier start of the same day it is not known, and taken to be as long). since: Unix seconds; earlier ends do not count.
    """
    groups = by_machine(agents)
    logged = side_by_side(groups, lambda name: machines[name].services.outages(agent.name for agent in groups[name]))
    told = prober.ask_all(lambda agent: prober.health(machines[agent.machine].base(agent)), agents)
    found = {}
    for agent, health in zip(agents, told, strict=True):
        if health.startup is None:
            continue
        away = [(each.spawned - each.ended + health.startup, each.asked) for each in logged[agent.machine].get(agent.name, ()) if each.ended >= since]
        found[agent.id] = Downtime(sum(seconds for seconds, asked in away if asked), sum(seconds for seconds, asked in away if not asked))
    return found


def requests_lost(source: Source, errors: ImpactMetric, agents: Sequence[str], seconds: float) -> dict[str, float]:
    """Requests that failed in the last `seconds`, by agent: the plan's ratio of errors times what it is a ratio of. Raises SourceFault."""
    matchers, window = selection(agents), f"{seconds:.0f}s"
    weight = errors.weight_promql(matchers, window)
    if weight is None:
        return {}
    ratio, sent = (by_agent(source.now(query), name) for query, name in ((errors.promql(matchers, window), "ratio"), (weight, "sent")))
    lost = (ratio * sent).dropna()
    return {str(agent): round(float(value), 1) for agent, value in lost.items() if agent in set(agents)}
