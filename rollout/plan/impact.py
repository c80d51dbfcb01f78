"""What a change may cost: one entry per impact metric."""

from __future__ import annotations

from enum import Enum
from string import Template
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from rollout.document import Document

PLACEHOLDERS = frozenset({"rate", "selector"})

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class ImpactForm(Enum):
    """The scale of a bound (judge.md, "Forms and bounds")."""

    RELATIVE = "relative"
    SHARE_OF_MACHINE = "share_of_machine"
    ABSOLUTE = "absolute"


class ImpactMetric(Document):
    """A PromQL template with its bounds; larger values are worse.

    bound, proceed_bound: a fraction (relative, share_of_machine) or in `unit` (absolute); below the first harmlessness is proven, below the second
    the rollout may go on. relative_bound: absolute form only, the fraction of a large agent that is allowed even if it exceeds `bound`.
    day_bound: of the pooled day, where a rehearsal's batches are held to a looser one; by default `bound`.
    query, weight: results carry the labels machine and agent; $rate is the rate's window, $selector the label matchers of the agents. weight is the
    denominator of a ratio of counts. serves_work: exists only for agents with a work port, so it is not applicable to a hub's agent.
    subtract_restart: what a mere restart does, as the placebo showed it, is taken off. shadow: measured and reported without a vote.
    """

    name: MetricName
    form: ImpactForm
    bound: float = Field(gt=0, allow_inf_nan=False)
    proceed_bound: float = Field(gt=0, allow_inf_nan=False)
    relative_bound: float = Field(default=0, ge=0, lt=1)
    day_bound: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    serves_work: bool = False
    subtract_restart: bool = False
    shadow: bool = False
    unit: str
    query: str
    weight: str | None = None
    measured_by: str = Field(min_length=1, description="Who produces the series: an exporter, the load's client side, the user's own clients.")

    @field_validator("query", "weight")
    @classmethod
    def _selects_agents(cls, template: str | None) -> str | None:
        if template is None:
            return None
        used = set(Template(template).get_identifiers())
        if not Template(template).is_valid() or not used <= PLACEHOLDERS:
            raise ValueError("only $rate and $selector are filled in")
        if "selector" not in used:
            raise ValueError("without $selector the query would read agents that are not asked for")
        return template

    @model_validator(mode="after")
    def _bounds_in_order(self) -> ImpactMetric:
        if self.bound > self.proceed_bound:
            raise ValueError(f"bound {self.bound} is above proceed_bound {self.proceed_bound}")
        if self.relative_bound and self.form is not ImpactForm.ABSOLUTE:
            raise ValueError("relative_bound belongs to the absolute form")
        return self

    def promql(self, selector: str, rate: str) -> str:
        """The query for these label matchers (without braces) and this window, such as 60s."""
        return Template(self.query).substitute(selector=selector, rate=rate)

    def weight_promql(self, selector: str, rate: str) -> str | None:
        """The weight's query, if the metric has one."""
        return None if self.weight is None else Template(self.weight).substitute(selector=selector, rate=rate)
