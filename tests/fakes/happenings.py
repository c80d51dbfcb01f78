"""What may happen to a day in memory, or beside it, at any of its moments; drawn as plain values, so that a schedule can be read and made smaller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from prefect.exceptions import Pause, TerminationSignal

from rollout.audit import Order
from rollout.services.port import ServiceState
from tests.fakes.days import FARES, MemoryDays
from tests.fakes.machine import MemoryAgent, MemoryMachine, Process
from tests.fakes.processes import Place

STANDS_STILL = 100.0
"""Seconds; longer than a lease, so that its process looks dead."""
WAITS = 5
"""Moments until a person says again what was refused."""


@dataclass(frozen=True)
class What:
    """One of HAPPENINGS by its name. agent: whom it is about; number: how much, how long or which, as the happening takes it."""

    name: str
    agent: str
    number: int


@dataclass(frozen=True)
class To:
    """That, at a moment of a process of these days."""

    days: MemoryDays
    what: What

    @property
    def place(self) -> Place:
        """The first place at which it can."""
        return HAPPENINGS[self.what.name][0]

    def __call__(self) -> None:
        """Let it happen; what it raises is raised in the process."""
        HAPPENINGS[self.what.name][1](self.days, self.what)


def _ends(error: type[BaseException], *arguments: object) -> Callable[[MemoryDays, What], None]:
    def end(_days: MemoryDays, _what: What) -> None:
        raise error(*arguments)

    return end


def _machine(days: MemoryDays, what: What) -> MemoryMachine:
    return days.world.east if what.agent.startswith("east") else days.world.west


def _order(order: Order) -> Callable[[MemoryDays, What], None]:
    """A pause or a step is always followed by another word, or the run would wait for ever; one that is refused is said again."""

    def say(days: MemoryDays, what: What) -> None:
        if days.order(order) is not None:
            days.processes.later(WAITS, To(days, what))
        elif order in (Order.PAUSE, Order.STEP):
            then = ("resume", "abort", "step", "die")[what.number % 4]
            days.processes.later(what.number + 1, To(days, What(then, what.agent, what.number // 2)))

    return say


def _elsewhere(command: Callable[[MemoryDays, What], object], seconds: float = 0.0) -> Callable[[MemoryDays, What], None]:
    """Another process does that while this one stands still for so long; an odd number kills it on the way."""

    def act(days: MemoryDays, what: What) -> None:
        days.world.clock.time += seconds
        command(days, what)

    return act


def _deadly(days: MemoryDays, what: What) -> list[tuple[int, To]]:
    return [(2 * what.number, To(days, What("die", what.agent, 0)))] if what.number % 2 else []


def _settle(days: MemoryDays, what: What) -> None:
    if run := days.open_run():
        days.settle(run, _deadly(days, what))


def _accept(days: MemoryDays, what: What) -> None:
    if run := days.open_run():
        days.accept(run, _deadly(days, what))


def _another_attempt(days: MemoryDays, what: What) -> None:
    days.day(list(days.days)[-1], _deadly(days, what))


def _agent(change: Callable[[MemoryAgent, MemoryMachine], object]) -> Callable[[MemoryDays, What], None]:
    return lambda days, what: change(days.world.all[what.agent], _machine(days, what)) and None


def _restart(agent: MemoryAgent, machine: MemoryMachine, *, asked: bool) -> None:
    """Somebody else does, or it ends by itself and the supervisor starts it again."""
    agent.process = Process(next(machine._pids), machine.clock.time, dict(agent.configured))
    (machine.stopped.add if asked else machine.stopped.discard)(agent.agent.name)


def _heal(agent: MemoryAgent, machine: MemoryMachine) -> None:
    """Nothing is wrong with it any more; what somebody has edited stays."""
    agent.health = agent.metrics = None
    agent.ignores_restart = agent.keeps_old_environment = False
    agent.state, agent.owner = ServiceState.RUNNING, None
    for wrong in (machine.refusing, machine.foreign, machine.lost):
        wrong.discard(agent.agent.name)


def _edit(days: MemoryDays, what: What) -> None:
    days.world.all[what.agent].configured["EDITED"] = "yes"
    days.edited = True


def heal(days: MemoryDays) -> None:
    """Everybody is as well as on the first day, but for what our own runs have done."""
    for machine in (days.world.east, days.world.west):
        machine.unreachable = False
        for agent in machine.agents.values():
            _heal(agent, machine)
    days.source.down = False
    days.source.fares = dict.fromkeys(days.source.fares, FARES[0])
    days.freeze(1e-3)
    days.world.clock.time += 1.0


def _fare(days: MemoryDays, what: What) -> None:
    days.source.fares[what.agent] = FARES[what.number % len(FARES)]


WORLD: Mapping[str, Callable[[MemoryDays, What], None]] = {
    "machine lost": lambda days, what: setattr(_machine(days, what), "unreachable", True),
    "machine back": lambda days, what: setattr(_machine(days, what), "unreachable", False),
    "source down": lambda days, _: setattr(days.source, "down", True),
    "source back": lambda days, _: setattr(days.source, "down", False),
    "fares": _fare,
    "fares otherwise": _fare,
    "all well": lambda days, _: heal(days),
    "shows no effect": _agent(lambda agent, _: setattr(agent, "metrics", lambda _request: httpx.Response(404))),
    "does not answer": _agent(lambda agent, _: setattr(agent, "health", lambda _request: httpx.Response(500))),
    "refuses": _agent(lambda agent, machine: machine.refusing.add(agent.agent.name)),
    "is stuck": _agent(lambda agent, _: setattr(agent, "keeps_old_environment", True)),
    "does not restart": _agent(lambda agent, _: setattr(agent, "ignores_restart", True)),
    "crashes": _agent(lambda agent, _: setattr(agent, "state", ServiceState.FATAL)),
    "port is taken": _agent(lambda agent, _: setattr(agent, "owner", 999)),
    "is restarted by somebody": _agent(lambda agent, machine: _restart(agent, machine, asked=True)),
    "ends and is started again": _agent(lambda agent, machine: _restart(agent, machine, asked=False)),
    "is edited by somebody": _edit,
    "waits for somebody's reload": _agent(lambda agent, machine: machine.foreign.add(agent.agent.name)),
    "loses its configuration": _agent(lambda agent, machine: machine.lost.add(agent.agent.name)),
    "is well again": _agent(_heal),
    "freeze": lambda days, what: days.freeze(4.0 * what.number + 1.0),
}
"""To the world; between two processes too."""

PEOPLE: Mapping[str, Callable[[MemoryDays, What], None]] = {
    "pause": _order(Order.PAUSE),
    "resume": _order(Order.RESUME),
    "step": _order(Order.STEP),
    "abort": _order(Order.ABORT),
    "settle": _elsewhere(_settle),
    "accept": _elsewhere(_accept),
    "emergency": _elsewhere(lambda days, what: days.emergency(_deadly(days, what))),
    "another attempt": _elsewhere(_another_attempt),
    "another run": _elsewhere(lambda days, what: days.day(days.new_day(None, days.days[list(days.days)[-1]].on_cancel), _deadly(days, what))),
    "stands still": _elsewhere(lambda _days, _what: None, STANDS_STILL),
    "is overtaken by settle": _elsewhere(_settle, STANDS_STILL),
    "is overtaken by accept": _elsewhere(_accept, STANDS_STILL),
    "is overtaken by an emergency": _elsewhere(lambda days, what: days.emergency(_deadly(days, what)), STANDS_STILL),
    "is overtaken by its next attempt": _elsewhere(_another_attempt, STANDS_STILL),
}
"""By people and other processes, while a run is at work."""

HAPPENINGS: Mapping[str, tuple[Place, Callable[[MemoryDays, What], None]]] = {
    "die": (Place.ACT, lambda days, _: days.processes.die()),
    "end": (Place.ANYWHERE, _ends(TerminationSignal, 15)),
    "suspend": (Place.TASK, _ends(Pause, "suspended")),
    **{name: (Place.WORKER, happen) for name, happen in (WORLD | PEOPLE).items()},
}
