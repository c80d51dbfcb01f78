"""Agents whose process is younger than it should be, and whether somebody asked for that: a foreign restart is no failure, a crash is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollout.fleet import Fleet
from rollout.machine import Machine, side_by_side


@dataclass(frozen=True, slots=True)
class Restart:
    """A process that we did not start. at: Unix seconds; asked: whether somebody had the one before stopped, instead of it ending by itself."""

    at: float
    asked: bool


def restarts_since(fleet: Fleet, machines: Mapping[str, Machine], since: Mapping[str, float]) -> dict[str, Restart]:
    """Restarts by agent. since: Unix seconds by agent, from when on a start is not ours. An agent that does not run is none. Raises Unreachable."""
    found = side_by_side(machines, lambda name: _on(fleet, machines[name], since))
    return {agent: restart for restarts in found.values() for agent, restart in restarts.items()}


def _on(fleet: Fleet, machine: Machine, since: Mapping[str, float]) -> dict[str, Restart]:
    services = machine.services.services()
    starts: dict[str, float] = {}
    for agent in fleet.agents:
        if agent.machine == machine.name and agent.id in since and agent.name in services:
            started = machine.transport.started(services[agent.name].pid)
            if started is not None and started > since[agent.id]:
                starts[agent.name] = started
    asked = machine.services.stopped_on_request(starts) if starts else frozenset()
    return {f"{machine.name}/{name}": Restart(at, name in asked) for name, at in starts.items()}
