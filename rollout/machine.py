"""One machine of the fleet as it can be reached: an address, its files and processes, its service manager."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from rollout.fleet import Agent
from rollout.services.port import ServiceManager
from rollout.transports.port import Transport

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Machine:
    """address: where its agents listen, as the executor reaches them."""

    name: str
    address: str
    transport: Transport
    services: ServiceManager

    def base(self, agent: Agent) -> str:
        """The agent's own HTTP address for /health and /metrics."""
        return f"http://{self.address}:{agent.health_port}"

    def work(self, agent: Agent) -> str:
        """Where the agent does its work."""
        return f"http://{self.address}:{agent.port}"


def side_by_side(machines: Iterable[str], ask: Callable[[str], Answer]) -> dict[str, Answer]:
    """What comes of asking each machine, all at once, in the order given; the first error of one is raised when all have answered."""
    names = list(machines)
    with ThreadPoolExecutor(max(len(names), 1)) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))
