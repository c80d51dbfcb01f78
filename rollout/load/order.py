"""What the generator is asked to do in one level; it travels into the generator's process as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from rollout.document import Document
from rollout.errors import Refused
from rollout.fleet import Agent
from rollout.plan.load import Load, LoadLevel, LoadRequest, RequestPort, StopConditions


class WeightedUrl(Document):
    """One request of an agent's mix."""

    url: str
    weight: float = Field(gt=0)


class Target(Document):
    """One agent as the generator sees it. rate: requests a second."""

    agent: str
    rate: float = Field(gt=0)
    requests: tuple[WeightedUrl, ...] = Field(min_length=1)


class Order(Document):
    """One level. seconds, timeout: of the level and of one request; runs: equal parts that are told apart; seed: of the arrivals."""

    level: str
    seconds: float = Field(gt=0)
    timeout: float = Field(gt=0)
    runs: int = Field(ge=1)
    seed: int
    stop: StopConditions
    targets: tuple[Target, ...] = Field(min_length=1)

    @property
    def rate(self) -> float:
        """Requests a second to all targets."""
        return sum(target.rate for target in self.targets)


def order_of(load: Load, level: LoadLevel, pace: float, agents: Sequence[Agent], addresses: Mapping[str, str], seed: int) -> Order:
    """The level at that pace for these agents. addresses: by machine. Raises Refused for an agent that serves none of the plan's requests."""
    return Order(
        level=level.name,
        seconds=level.duration / pace,
        timeout=load.timeout,
        runs=load.runs,
        seed=seed,
        stop=load.stop,
        targets=tuple(_target(load, level, agent, addresses[agent.machine]) for agent in agents),
    )


def _target(load: Load, level: LoadLevel, agent: Agent, address: str) -> Target:
    served = [WeightedUrl(url=_url(request, agent, address), weight=request.weight) for request in load.requests if _serves(agent, request)]
    if not served:
        raise Refused(f"{agent.id} serves none of the requests of the load test: {', '.join(request.name for request in load.requests)}")
    return Target(agent=agent.id, rate=level.rate * load.scale, requests=tuple(served))


def _serves(agent: Agent, request: LoadRequest) -> bool:
    return request.port is RequestPort.HEALTH or not agent.hub


def _url(request: LoadRequest, agent: Agent, address: str) -> str:
    port = agent.health_port if request.port is RequestPort.HEALTH else agent.port
    return f"http://{address}:{port}{request.path}"
