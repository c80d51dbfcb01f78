"""One day of a plan: steps with hours, batches, bake, gates, deadlines and budgets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from itertools import pairwise
from typing import Annotated, TypeVar

from pydantic import Field, FiniteFloat, StringConstraints, field_validator, model_validator

from rollout.document import Document
from rollout.errors import Refused
from rollout.fleet import Agent, Selector
from rollout.plan.impact import ImpactMetric
from rollout.plan.load import Load
from rollout.plan.optimization import Optimization
from rollout.plan.scalars import Duration, Hour, Source
from rollout.progress import FailureBudget

T = TypeVar("T")
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
EnvironmentKey = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
EnvironmentValue = Annotated[str, StringConstraints(pattern=r'^[^"%\n]+$')]
"""What stands between the quotes of a program's `environment=`, where supervisord expands %."""
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[Duration, Field(gt=0, allow_inf_nan=False)]


class ChangeKind(Enum):
    """What a day changes on its agents; each has its file in rollout/changes."""

    METRICS = "metrics"
    HUBS = "hubs"
    ROUTING = "routing"
    OUTAGE = "outage"
    LAZY_LOADING = "lazy_loading"
    DISCOVERY = "discovery"
    FLAG = "flag"

    @property
    def planned(self) -> bool:
        """Whether the plan itself says what is set, in the day's `environment`; one flow carries out every such day."""
        return self is ChangeKind.FLAG


class RollbackScope(Enum):
    """How much a failed gate brings back."""

    AGENT = "agent"
    BATCH = "batch"
    DAY = "day"

    def to_bring_back(self, batch: Sequence[str], blamed: Collection[str]) -> Sequence[str] | None:
        """Agents that a failed gate of this scope brings back; None is everybody that the run has changed.

        batch: the one at work, empty outside the batches; blamed: by the gate. A gate that blames nobody in the batch blames all of it.
        """
        if self is RollbackScope.DAY or not batch:
            return None
        guilty = [agent for agent in batch if agent in blamed]
        return guilty if self is RollbackScope.AGENT and guilty else batch


class Step(Document):
    """A step of the plan. from, to: hours, a budget and not a wait; both absent where the plan gives none."""

    title: str = Field(min_length=1)
    begins: Hour | None = Field(default=None, alias="from")
    ends: Hour | None = Field(default=None, alias="to")
    source: Source

    @model_validator(mode="after")
    def _runs_forward(self) -> Step:
        if (self.begins is None) != (self.ends is None):
            raise ValueError("from and to stand together")
        if self.begins is not None and self.ends is not None and self.begins >= self.ends:
            raise ValueError("ends before it begins")
        return self

    @property
    def seconds(self) -> float | None:
        """The step's budget; None where the plan gives no hours."""
        if self.begins is None or self.ends is None:
            return None
        return ((self.ends.hour - self.begins.hour) * 60 + self.ends.minute - self.begins.minute) * 60.0


class Batches(Document):
    """How the day's agents are cut. step: title of the step whose hours hold them; interval: from one batch to the next at pace 1."""

    step: str
    size: Count
    interval: Seconds
    canary: Count = 1
    neighbours: int = Field(ge=0, description="Unchanged agents of the same machine that every batch but the last leaves as controls.")
    rollback_size: Count
    placebo: int = Field(default=0, ge=0, description="Unchanged agents restarted beside the canary, to tell a restart from the change.")


class Bake(Document):
    """The windows of a batch, in samples (judge.md, "Verdicts"): a compressed rehearsal keeps counts, not minutes.

    before: window ahead of the act; settle: dropped after it; after: judged; looks: samples after settle at which a bad batch may be stopped;
    extensions: further samples after `after`, one number for each time that the bake may be extended; rate: window of $rate.
    """

    before: Count
    settle: Count
    after: Count
    looks: tuple[Count, ...] = Field(min_length=1)
    extensions: tuple[Count, ...] = ()
    rate: int = Field(ge=2)

    @field_validator("looks")
    @classmethod
    def _ascending(cls, looks: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(looks)):
            raise ValueError("looks must ascend")
        return looks

    @model_validator(mode="after")
    def _fits_together(self) -> Bake:
        if self.looks[-1] != self.after:
            raise ValueError(f"the last look, {self.looks[-1]}, is not the end of the window, {self.after}")
        if self.rate > self.settle:
            raise ValueError(f"a rate over {self.rate} samples reaches back over the restart when only {self.settle} settle")
        return self

    @property
    def samples(self) -> int:
        """Samples from the act to the last look, without extensions."""
        return self.settle + self.after


class FailureBudgets(Document):
    """How many agents may fail, unreachable ones included: in one batch, and in the run so far."""

    per_batch: FailureBudget
    cumulative: FailureBudget

    @model_validator(mode="after")
    def _are_shares(self) -> FailureBudgets:
        for budget in (self.per_batch, self.cumulative):
            if budget.agents < 0 or not 0 <= budget.percent <= 100:
                raise ValueError("agents is not negative and percent lies between 0 and 100")
        return self


class Deadlines(Document):
    """Limits in seconds that no pace compresses.

    act, verify: of one batch; rollback: from the decision to restored, healthy and grossly normal; baseline: until the judge has confirmed
    the baseline after a rollback; probe, query, supervisor: of one request.
    """

    act: Seconds
    verify: Seconds
    rollback: Seconds
    baseline: Seconds
    probe: Seconds
    query: Seconds
    supervisor: Seconds


class Recovery(Document):
    """What "grossly normal" means after a rollback. latency: largest relative distance of the median from before; probes: share that succeed."""

    latency: float = Field(gt=0)
    probes: float = Field(gt=0, le=1)


class Drill(Document):
    """An outage on purpose. outage: how long each hub stays down; recovery: the longest wait until the hubs are as before."""

    outage: Seconds
    recovery: Seconds


class Gate(Document):
    """A suite of expectations with its bounds, and how much comes back when it fails."""

    name: Slug
    suite: Slug
    rollback_scope: RollbackScope
    bounds: dict[Slug, FiniteFloat] = Field(default_factory=dict)


class Day(Document):
    """One day of the plan.

    environment: keys and values that a flag sets, no secrets.
    needs: criteria that must be MET (or overridden by a person) before it starts; count: how many of the selected agents it takes, where a ranking
    on the day says which; optimization: how it ranks and proves; soak: how long the day's impact is measured at the end; load: its load test;
    source_budget: how long a failing source is waited for.
    """

    day: int = Field(ge=0)
    title: str = Field(min_length=1)
    source: Source
    change: ChangeKind | None = None
    environment: dict[EnvironmentKey, EnvironmentValue] = Field(default_factory=dict)
    needs: tuple[str, ...] = ()
    selector: Selector
    count: Count | None = None
    steps: tuple[Step, ...] = Field(min_length=1)
    batches: Batches | None = None
    bake: Bake | None = None
    deadlines: Deadlines
    recovery: Recovery | None = None
    failure_budget: FailureBudgets | None = None
    gates: tuple[Gate, ...] = ()
    impact: tuple[ImpactMetric, ...] = ()
    optimization: Optimization | None = None
    soak: Seconds | None = None
    drill: Drill | None = None
    load: Load | None = None
    source_budget: Seconds

    def applicable(self, agents: Sequence[Agent]) -> dict[str, tuple[str, ...]]:
        """The identities of the agents that each impact metric exists for, by metric."""
        return {metric.name: tuple(agent.id for agent in agents if not (metric.serves_work and agent.hub)) for metric in self.impact}

    @property
    def ratio(self) -> ImpactMetric | None:
        """The impact metric that is a ratio of counts (errors), if the day has one."""
        return next((metric for metric in self.impact if metric.weight is not None), None)

    def step(self, title: str) -> Step:
        """The step of that title; one that the plan does not have raises Refused."""
        return self._named("step", title, {step.title: step for step in self.steps})

    def gate(self, name: str) -> Gate:
        """The gate of that name; one that the plan does not have raises Refused."""
        return self._named("gate", name, {gate.name: gate for gate in self.gates})

    def _named(self, what: str, name: str, known: dict[str, T]) -> T:
        if name not in known:
            raise Refused(f"day {self.day} has no {what} {name!r}; it has {', '.join(map(repr, known)) or 'none'}")
        return known[name]

    def spacing(self, pace: float, scrape_interval: float) -> float:
        """Seconds from one batch to the next: the interval compressed by pace, never shorter than the bake."""
        if self.batches is None or self.bake is None:
            raise Refused(f"day {self.day} has no batches")
        return max(self.batches.interval / pace, self.bake.samples * scrape_interval)
