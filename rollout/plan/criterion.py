"""What a plan promises, and who is told when it goes wrong."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import Field, StringConstraints

from rollout.document import Document
from rollout.plan.scalars import Source

CriterionId = Annotated[str, StringConstraints(pattern=r"^[A-Z]\d?\.?[0-9R]$")]


class WeekRule(Enum):
    """How a criterion of the week follows from other criteria, from reports or from dated records; one function each in rollout/week_rules."""

    ALL_OF = "all of"
    UPTIME = "uptime"
    NOTHING_LOST = "nothing lost"
    LEVEL_SHOWN = "level shown"
    CHECKPOINTS = "checkpoints"
    REHEARSALS = "rehearsals"
    ACHIEVED = "achieved"
    READY = "ready"


class Criterion(Document):
    """One promise of the plan.

    bound: as the plan writes it; the number that decides stands in a gate or a deadline. day: whose report judges it, none for the whole week.
    measured_by: the gate, probe, step, drill or record that measures it; without its finding the report says NOT MEASURED.
    rule: how it is judged where it follows from what is stored; rests_on: the criteria that the rule "all of" reads.
    """

    id: CriterionId
    part: str
    kind: str
    statement: str = Field(min_length=1)
    bound: str
    source: Source
    day: int | None
    measured_by: str = Field(min_length=1)
    rule: WeekRule | None = None
    rests_on: tuple[CriterionId, ...] = ()


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
