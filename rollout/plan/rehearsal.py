"""A declared overlay: what a rehearsal changes of the plan's numbers. Deadlines are not among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, FiniteFloat

from rollout.document import Document
from rollout.plan.day import Bake, Count, Day, Drill, FailureBudgets, Seconds, Slug
from rollout.plan.impact import ImpactForm, ImpactMetric, MetricName
from rollout.plan.load import RehearsedLoad


class RehearsedImpact(Document):
    """The fields of an impact metric that a rehearsal replaces."""

    form: ImpactForm | None = None
    bound: float | None = None
    proceed_bound: float | None = None
    relative_bound: float | None = None
    day_bound: float | None = None
    subtract_restart: bool | None = None


class RehearsedBatches(Document):
    """The batch numbers that a rehearsal replaces."""

    size: Count | None = None
    interval: Seconds | None = None
    neighbours: int | None = Field(default=None, ge=0)
    rollback_size: Count | None = None
    placebo: int | None = Field(default=None, ge=0)


class RehearsedDay(Document):
    """The numbers that a rehearsal replaces on one day only."""

    count: Count | None = None
    failure_budget: FailureBudgets | None = None
    soak: Seconds | None = None
    batches: RehearsedBatches = RehearsedBatches()


class Rehearsal(Document):
    """What holds at a rehearsal's site instead of the plan's production numbers; printed in every report.

    pace: divides batch intervals. gates: gate -> bound -> number. shadow: impact metrics without a vote. days: numbers of one day alone.
    """

    title: str = Field(min_length=1)
    fleet_size: Count | None = None
    pace: float = Field(ge=1, allow_inf_nan=False)
    bake: Bake
    batches: RehearsedBatches = RehearsedBatches()
    impact: dict[MetricName, RehearsedImpact] = Field(default_factory=dict)
    shadow: tuple[MetricName, ...] = ()
    gates: dict[Slug, dict[Slug, FiniteFloat]] = Field(default_factory=dict)
    soak: Seconds
    drill: Drill | None = None
    load: RehearsedLoad | None = None
    source_budget: Seconds
    days: dict[int, RehearsedDay] = Field(default_factory=dict)

    def applied_to(self, day: Day) -> Day:
        """The day with this rehearsal's numbers where it has such numbers at all."""
        changes: dict[str, Any] = {
            "source_budget": self.source_budget,
            "gates": tuple(gate.model_copy(update={"bounds": {**gate.bounds, **self.gates.get(gate.name, {})}}) for gate in day.gates),
            "impact": tuple(self._impact(metric) for metric in day.impact),
        }
        if day.bake is not None:
            changes["bake"] = self.bake
        own = self.days.get(day.day, RehearsedDay())
        if day.batches is not None:
            changes["batches"] = day.batches.model_copy(update=self.batches.model_dump(exclude_none=True) | own.batches.model_dump(exclude_none=True))
        if day.soak is not None:
            changes["soak"] = self.soak
        if day.drill is not None and self.drill is not None:
            changes["drill"] = self.drill
        if day.load is not None and self.load is not None:
            changes["load"] = day.load.model_copy(update=dict(self.load))
        changes |= {name: value for name in RehearsedDay.model_fields.keys() - {"batches"} if (value := getattr(own, name)) is not None}
        return day.model_copy(update=changes)

    def _impact(self, metric: ImpactMetric) -> ImpactMetric:
        """The metric with this rehearsal's bounds, checked like one that is read from a file."""
        replaced = self.impact.get(metric.name, RehearsedImpact()).model_dump(exclude_none=True)
        if metric.name in self.shadow:
            replaced["shadow"] = True
        return ImpactMetric.model_validate({**metric.model_dump(), **replaced})


def differences(here: Mapping[str, Any], there: Mapping[str, Any], path: str = "") -> list[str]:
    """One line "path value instead of value" for each leaf of two dumped documents of one shape that differs."""
    lines: list[str] = []
    for key, value in here.items():
        other = there.get(key)
        place = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            lines += differences(value, other, place)
        elif _named(value) and _named(other):
            lines += differences({each["name"]: each for each in value}, {each["name"]: each for each in other or ()}, place)
        elif value != other:
            lines.append(f"{place} {_text(value)} instead of {_text(other)}")
    return lines


def _named(value: object) -> bool:
    """Whether the value is a list of things that have names (gates, metrics)."""
    return isinstance(value, (list, tuple)) and all(isinstance(each, Mapping) and "name" in each for each in value)


def _text(value: object) -> str:
    """Lists as 11, 17, 22; numbers without needless zeros."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(each) for each in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
