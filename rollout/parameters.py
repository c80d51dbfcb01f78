"""What a person may say when starting a day; the same fields make the form in the Prefect UI."""

from __future__ import annotations

from enum import Enum

from pydantic import Field

from rollout.document import Document
from rollout.fleet import Selector
from rollout.plan import RollbackScope

PLAN_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
"""A plan's name, which is that of its file."""


class OnCancel(Enum):
    """What happens to the fleet when a person cancels the run."""

    ROLL_BACK = "roll back"
    HOLD = "hold"


class Acknowledgement(Document):
    """What only a person can know, said by that person."""

    criterion: str = Field(description="Which point of the checklist, such as P.6.")
    name: str = Field(min_length=1, description="Who says so. Self-declared: the open-source server has no identities.")
    note: str = Field(default="", description="What was done: the meeting, the list, the drill.")


class Override(Document):
    """A day starts although criteria that it needs are not MET, because a person says so."""

    name: str = Field(min_length=1, description="Who says so. Self-declared: the open-source server has no identities.")
    reason: str = Field(min_length=1, description="Why; it stands in the report and in the audit file.")


class DayParameters(Document):
    """Parameters of one day; what is left out comes from the plan."""

    plan: str = Field(default="week3", pattern=PLAN_NAME, description="Which plan: the file plans/PLAN.yaml.")
    site: str = Field(default="lab", pattern=r"^[a-z0-9][a-z0-9-]*$", description="Which place: the file fleets/SITE.yaml says how to reach it.")
    selector: Selector | None = Field(default=None, description="Which agents; by default those that the plan selects.")
    batch_size: int | None = Field(default=None, ge=1, le=1000, description="Agents per batch; by default the plan's.")
    pace: float | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Compresses batch intervals and a load test's durations, never a deadline; 1 in production. Stands in every report.",
    )
    dry_run: bool = Field(default=False, description="Check and preview; touch nothing.")
    on_cancel: OnCancel = Field(default=OnCancel.ROLL_BACK, description="What a cancelled run does with the agents it has changed.")
    rollback_scope: RollbackScope | None = Field(default=None, description="How much a failed gate brings back; by default each gate's own scope.")
    override: Override | None = Field(default=None, description="Starts the day although criteria that it needs are not MET.")
    acknowledged: tuple[Acknowledgement, ...] = Field(default=(), description="Checklist points that only a person can confirm.")
