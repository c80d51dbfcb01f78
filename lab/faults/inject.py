"""Puts faults in force and takes them back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.errors import LabError
from lab.faults.acts import Ground, kill, kill_supervisor, revive_supervisor, start, start_hub, start_neighbour, stop
from lab.faults.kinds import Fault, Order, read_orders, write_orders
from lab.site import Agent, Machine, Site
from lab.supervisor import Credentials, Supervisor

NEEDS_PERCENT = {Fault.LATENCY, Fault.CPU, Fault.MEMORY, Fault.LEAK, Fault.ERRORS, Fault.NOISY_NEIGHBOUR}
ACTS: dict[Fault, Callable[[Ground], None]] = {
    Fault.EXPORTER_DEAD: lambda ground: stop(ground.supervisor, "lab-exporter"),
    Fault.HUB_DOWN: lambda ground: stop(ground.supervisor, ground.hub.program),
    Fault.HUB_DEAD: lambda ground: kill(ground.supervisor, ground.hub.program),
    Fault.NOISY_NEIGHBOUR: start_neighbour,
    Fault.SUPERVISORD_KILLED: kill_supervisor,
}
UNDONE_BY: dict[Fault, Callable[[Ground], None]] = {
    Fault.EXPORTER_DEAD: lambda ground: start(ground.supervisor, "lab-exporter"),
    Fault.HUB_DOWN: start_hub,
    Fault.HUB_DEAD: start_hub,
    Fault.SUPERVISORD_KILLED: revive_supervisor,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A fault as it is asked for; without agents and machine it is for all. `percent` and `seconds` as in Order, the delays in seconds."""

    fault: Fault
    agents: tuple[str, ...] = ()
    machine: str | None = None
    hub: str | None = None
    percent: float = 0.0
    seconds: float = 40.0
    only_with_metrics: bool = True
    after: float = 0.0
    back_after: float | None = None


def inject(site: Site, credentials: Credentials, wish: Wish) -> None:
    """Waits `after` seconds, then puts the fault in force; LabError when it makes no sense."""
    machines = _machines(site, wish)
    agents = _agents(site, wish)
    if wish.fault in NEEDS_PERCENT and wish.percent <= 0:
        raise LabError(f"{wish.fault.value} needs --percent above 0")
    time.sleep(wish.after)
    if wish.fault in ACTS or wish.fault is Fault.RESTARTED:
        for machine in machines:
            Supervisor(machine, credentials).pid()  # there is nothing to act on without one
    if wish.fault is Fault.RESTARTED:
        _restart(site, credentials, agents)
        return  # over as soon as it is done: nothing to record
    write_orders(site.faults, (*read_orders(site.faults), _order(wish, agents, machines)))
    if wish.fault in ACTS:
        for machine in machines:
            ACTS[wish.fault](Ground(site, machine, credentials))
    if wish.fault is Fault.SUPERVISORD_KILLED and wish.back_after is not None:
        time.sleep(wish.back_after)
        for machine in machines:
            Ground(site, machine, credentials).supervisor.start(site)


def clear(site: Site, credentials: Credentials) -> tuple[Order, ...]:
    """Takes back every fault in force and undoes what was done from outside; agents that crashed are left to their supervisor."""
    orders = read_orders(site.faults)
    site.faults.unlink(missing_ok=True)
    for order in orders:
        if order.fault in UNDONE_BY:
            for machine in order.machines:
                UNDONE_BY[order.fault](Ground(site, site.machine(machine), credentials))
    return orders


def _order(wish: Wish, agents: tuple[Agent, ...], machines: tuple[Machine, ...]) -> Order:
    on_machine = wish.fault in ACTS
    on_agents = not on_machine or wish.fault is Fault.NOISY_NEIGHBOUR
    return Order(
        wish.fault,
        agents=tuple(agent.id for agent in agents) if on_agents else (),
        machines=tuple(machine.name for machine in machines) if on_machine else (),
        percent=wish.percent if wish.fault in NEEDS_PERCENT else 0.0,
        seconds=wish.seconds if wish.fault is Fault.CRASH_AFTER else 0.0,
        only_with_metrics=wish.only_with_metrics and not on_machine,
    )


def _machines(site: Site, wish: Wish) -> tuple[Machine, ...]:
    if wish.fault is Fault.HUB_DEAD:
        if wish.hub is None:
            raise LabError(f"{wish.fault.value} needs --hub: {' or '.join(hub.name for hub in site.all_hubs)}")
        return (site.machine(site.hub(wish.hub).machine),)
    if wish.agents and wish.fault in ACTS:
        raise LabError(f"{wish.fault.value} happens to a machine: say --machine, not --agents")
    named = site.machines if wish.machine is None else (site.machine(wish.machine),)
    if wish.fault is not Fault.HUB_DOWN:
        return named
    with_hub = tuple(machine for machine in named if site.hub_of(machine) is not None)
    if not with_hub:
        raise LabError(f"no hub runs on {wish.machine}")
    return with_hub


def _agents(site: Site, wish: Wish) -> tuple[Agent, ...]:
    unknown = [name for name in wish.agents if name not in site.agents]
    if unknown:
        raise LabError(f"no such agents in {site.name}: {', '.join(unknown)} (an agent is named machine/Name)")
    if wish.agents:
        return tuple(site.agents[name] for name in wish.agents)
    return tuple(agent for agent in site.agents.values() if wish.machine in {None, agent.machine})


def _restart(site: Site, credentials: Credentials, agents: tuple[Agent, ...]) -> None:
    for agent in agents:
        supervisor = Ground(site, site.machine(agent.machine), credentials).supervisor
        stop(supervisor, agent.name)
        start(supervisor, agent.name)
