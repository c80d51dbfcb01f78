"""What the faults in force mean for one agent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from lab.faults.kinds import Fault, Order


class Exposition(Enum):
    """What /metrics answers while metrics are on."""

    INTACT = auto()
    ABSENT = auto()
    MALFORMED = auto()
    TRUNCATED = auto()


EXPOSITION_OF = {Fault.LIES: Exposition.ABSENT, Fault.MALFORMED: Exposition.MALFORMED, Fault.TRUNCATED: Exposition.TRUNCATED}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one agent misbehaves; latency, cpu, memory and errors are shares (0.3 = 30 %), leak is one a minute, crash_after is in seconds."""

    latency: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    leak: float = 0.0
    errors: float = 0.0
    crash_at_start: bool = False
    crash_after: float | None = None
    healthy: bool = True
    hangs: bool = False
    exposition: Exposition = Exposition.INTACT


def behaviour_of(agent: str, metrics_on: bool, orders: Iterable[Order]) -> Behaviour:
    """The sum of all orders that concern this agent now."""
    mine = [order for order in orders if agent in order.agents and (metrics_on or not order.only_with_metrics)]
    kinds = {order.fault for order in mine}
    return Behaviour(
        latency=_share(mine, Fault.LATENCY, Fault.NOISY_NEIGHBOUR),
        cpu=_share(mine, Fault.CPU, Fault.NOISY_NEIGHBOUR),
        memory=_share(mine, Fault.MEMORY),
        leak=_share(mine, Fault.LEAK),
        errors=_share(mine, Fault.ERRORS),
        crash_at_start=Fault.CRASH_AT_START in kinds,
        crash_after=min((order.seconds for order in mine if order.fault is Fault.CRASH_AFTER), default=None),
        healthy=Fault.NEVER_HEALTHY not in kinds,
        hangs=Fault.HANGS in kinds,
        exposition=next((EXPOSITION_OF[order.fault] for order in mine if order.fault in EXPOSITION_OF), Exposition.INTACT),
    )


def _share(orders: Iterable[Order], *faults: Fault) -> float:
    return sum(order.percent for order in orders if order.fault in faults) / 100
