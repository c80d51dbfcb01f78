"""What a plan promises, and who is told when it goes wrong."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import Field, StringConstraints

from rollout.document import Document
from rollout.plan.scalars import Source

CriterionId = Annotated[str, StringConstraints(pattern=r"^[A-Z]\d?\.?[0-9R]$")]


class Criterion(Document):
    """One promise of the plan.

    bound: as the plan writes it; the number that decides stands in a gate or a deadline. day: whose report judges it, none for the whole week.
    measured_by: the gate, probe, step, drill or record that measures it; without its finding the report says NOT MEASURED.
    """

    id: CriterionId
    part: str
    kind: str
    statement: str = Field(min_length=1)
    bound: str
    source: Source
    day: int | None
    measured_by: str = Field(min_length=1)


class EscalationTier(Enum):
    """Who is responsible for an open incident, by its age."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"


class Escalation(Document):
    """One row of the escalation matrix. after, before: minutes since the incident opened; the last tier has no end."""

    tier: EscalationTier
    after: int = Field(ge=0)
    before: int | None
    role: str = Field(min_length=1)
    source: Source
