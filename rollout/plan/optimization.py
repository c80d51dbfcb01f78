"""How a day optimises: which pattern, what it claims, what is measured to prove it, and below what it is not worth it."""

from __future__ import annotations

from enum import Enum
from string import Template
from typing import Annotated

from pydantic import Field, FiniteFloat, StringConstraints, field_validator

from rollout.document import Document
from rollout.plan.scalars import Duration

Share = Annotated[FiniteFloat, Field(gt=0, lt=1)]
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$")]


class Unproven(Enum):
    """What becomes of an agent whose own bound does not reach the claim."""

    KEEP = "keep"
    REVERT = "revert"


class Floor(Document):
    """Below either of these an agent is not worth it. seconds: of start-up that could be saved; share: of its start-up."""

    seconds: float = Field(ge=0, allow_inf_nan=False)
    share: float = Field(ge=0, lt=1, allow_inf_nan=False)


class ShadowStarts(Document):
    """Starts of a second instance on scratch ports, so that nobody restarts production to measure it (judge.md, "Improvements").

    starts: usable ones on each side, after the first, which is dropped as cold; first_requests: how many of them are also asked the contract's
    first request; within: seconds until a start counts as failed; address, port, health_port: variables that say where an agent listens.
    """

    starts: int = Field(ge=5)
    first_requests: int = Field(ge=1)
    within: Annotated[Duration, Field(gt=0, allow_inf_nan=False)]
    address: EnvironmentName
    port: EnvironmentName
    health_port: EnvironmentName


class ContractPlan(Document):
    """The requests by which an agent is compared with itself: GET on its work port, n = 1, 2, ... in the place of $n."""

    path: str
    requests: int = Field(ge=1)

    @field_validator("path")
    @classmethod
    def _is_numbered(cls, path: str) -> str:
        if not path.startswith("/") or set(Template(path).get_identifiers()) != {"n"}:
            raise ValueError("a path such as /work?x=$n")
        return path

    @property
    def paths(self) -> tuple[str, ...]:
        """All requests in their order."""
        return tuple(Template(self.path).substitute(n=number) for number in range(1, self.requests + 1))


class Optimization(Document):
    """pattern: its name in the registry of patterns; claim: share of the start-up that each agent and the day save at least.

    system_claim: the same over all agents optimised on this day and on the days before, where the plan asks for it.
    """

    pattern: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    claim: Share
    system_claim: Share | None = None
    unproven: Unproven
    floor: Floor
    shadows: ShadowStarts
    contract: ContractPlan
