"""The plan: every number of a rollout in one typed, frozen value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PrivateAttr, StringConstraints, field_validator

from rollout.document import Document, read_yaml, validated
from rollout.errors import InputError, Refused
from rollout.fleet import Name
from rollout.plan.alerting import Alerting
from rollout.plan.criterion import Criterion, Escalation
from rollout.plan.day import Count, Day, Seconds
from rollout.plan.possible import first_impossibility
from rollout.plan.rehearsal import Rehearsal, differences

SiteName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Plan(Document):
    """All days, criteria and tiers. fleet_size: agents that "all" means; optimised_earlier: those that days 3 and 4 leave out.

    scrape_interval: seconds between samples in production, on which the hours are checked; a site says its own.
    """

    plan: Name
    title: str = Field(min_length=1)
    timezone: str
    fleet_size: Count
    optimised_earlier: int = Field(default=0, ge=0)
    scrape_interval: Seconds
    days: tuple[Day, ...] = Field(min_length=1)
    criteria: tuple[Criterion, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    alerting: Alerting
    system_wide: float = Field(default=0.0, ge=0, le=1, description="Share of unhealthy agents above which an alert is RED.")
    rehearsals: dict[SiteName, Rehearsal] = Field(default_factory=dict)

    _unrehearsed: Plan | None = PrivateAttr(default=None)
    _overlay: str | None = PrivateAttr(default=None)

    @field_validator("timezone")
    @classmethod
    def _exists(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{timezone!r} is no time zone such as UTC or Asia/Manila") from error
        return timezone

    @property
    def overlay(self) -> str | None:
        """The rehearsal that is applied; None in production."""
        return self._overlay

    @property
    def pace(self) -> float:
        """What batch intervals are divided by; 1 in production."""
        return 1.0 if self._overlay is None else self.rehearsals[self._overlay].pace

    def day(self, number: int) -> Day:
        """The day of that number; one that the plan does not have raises Refused."""
        for day in self.days:
            if day.day == number:
                return day
        raise Refused(f"plan {self.plan} has no day {number}")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The optimization patterns that its days apply, by their name in the registry."""
        return tuple(dict.fromkeys(day.optimization.pattern for day in self.days if day.optimization is not None))

    def criterion(self, identity: str) -> Criterion:
        """The criterion of that id; one that the plan does not have raises Refused."""
        for criterion in self.criteria:
            if criterion.id == identity:
                return criterion
        raise Refused(f"plan {self.plan} has no criterion {identity}")

    def criteria_of(self, number: int) -> tuple[Criterion, ...]:
        """The criteria that the report of that day judges."""
        return tuple(criterion for criterion in self.criteria if criterion.day == number)

    def for_site(self, rehearsal: str | None) -> Plan:
        """The plan with a declared overlay; without one (production) the plan itself. An overlay that is not declared raises Refused."""
        if rehearsal is None:
            return self
        if self._overlay is not None:
            raise Refused(f"plan {self.plan} is rehearsed as {self._overlay} already")
        if rehearsal not in self.rehearsals:
            raise Refused(f"plan {self.plan} declares no rehearsal {rehearsal!r}; it declares {', '.join(self.rehearsals) or 'none'}")
        overlay = self.rehearsals[rehearsal]
        rehearsed = self.model_copy(
            update={"days": tuple(overlay.applied_to(day) for day in self.days), "fleet_size": overlay.fleet_size or self.fleet_size},
        )
        rehearsed._unrehearsed = self  # noqa: SLF001 (its own class)
        rehearsed._overlay = rehearsal  # noqa: SLF001
        return rehearsed

    def differences(self, number: int) -> tuple[str, ...]:
        """One line for each number of that day that the overlay replaced, for the report; empty in production."""
        if self._unrehearsed is None:
            return ()
        lines = [f"pace {self.pace:g} instead of 1"]
        if self.fleet_size != self._unrehearsed.fleet_size:
            lines.append(f"fleet_size {self.fleet_size} instead of {self._unrehearsed.fleet_size}")
        here, there = self.day(number), self._unrehearsed.day(number)
        return (*lines, *differences(here.model_dump(mode="json"), there.model_dump(mode="json")))


def load_plan(file: Path) -> Plan:
    """The plan of a file; what cannot be carried out is refused with InputError (file, key, reason)."""
    return plan_of(read_yaml(file), file)


def plan_of(content: Any, file: Path) -> Plan:  # noqa: ANN401 (YAML is untyped until a Document validates it)
    """The plan in the content of a plan file; `file` stands in the errors only."""
    plan = validated(Plan, content, file)
    if impossibility := first_impossibility(plan):
        raise InputError(file, *impossibility)
    return plan


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of plan files, for editors; kept in schemas/plan.schema.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema(by_alias=True)}
