"""The state of a site now, for its alert level: every agent by all witnesses, every metrics source by its freshest sample."""

from __future__ import annotations

from collections.abc import Mapping

from rollout.alert import Situation
from rollout.errors import RolloutError, SourceFault
from rollout.fleet import Fleet
from rollout.machine import Machine
from rollout.observe.probe import Prober
from rollout.observe.prometheus import Sources
from rollout.observe.witness import by_machine, witness_all


def situation_now(fleet: Fleet, machines: Mapping[str, Machine], prober: Prober, sources: Sources) -> Situation:
    """What is seen of all agents and sources; a machine that does not answer leaves its agents unseen. Never raises for a part of the site."""
    agents: dict[str, bool | None] = {agent.id: None for agent in fleet.agents}
    for group in by_machine(fleet.agents).values():
        try:
            agents |= {seen.agent.id: seen.healthy for seen in witness_all(machines, group, prober)}
        except (RolloutError, OSError):
            continue  # its agents stay None, which the level counts as not well
    return Situation(agents, fresh_sources(sources))


def fresh_sources(sources: Sources) -> dict[str, bool]:
    """Which sources answer with fresh samples."""
    fresh = {}
    for source in sources.ordered:
        try:
            source.require_fresh()
        except SourceFault:
            fresh[source.name] = False
        else:
            fresh[source.name] = True
    return fresh
