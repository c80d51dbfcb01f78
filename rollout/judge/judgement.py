"""What the judge says of a batch, as frozen values that survive a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rollout.judge.policy import MetricForm
from rollout.judge.presence import AgentPresence
from rollout.judge.records import from_record, to_record
from rollout.verdict import Verdict


@dataclass(frozen=True, slots=True)
class AgentEstimate:
    """One treated agent's excess over its neighbours, on the shown scale, and its q after Benjamini-Hochberg."""

    agent: str
    estimate: float
    q: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was estimated for the batch as a whole.

    estimate, lower, upper: shown scale (a fraction for the relative form, a share of the machine, the metric's unit, a ratio), bounds one-sided
    95 %. alarm: lower bound at this look's alarm level; above zero with the estimate above the bound it is a FAIL. detectable: effect that
    the last look finds in 80 % of cases. relative: the same effect relative to the agents, whatever the form (None for counts).
    neighbours: what the controls did. effect, se, df: on the scale of pooling (logarithm for the relative form).
    """

    estimate: float
    lower: float
    upper: float
    alarm: float
    detectable: float
    relative: float | None
    neighbours: float
    effect: float
    se: float
    df: float


@dataclass(frozen=True, slots=True)
class MetricJudgement:
    """One metric of one batch.

    bound, proceed_bound: of the batch, on the scale of `effect`'s shown form. figures: None if no agent could be compared. counted: a ratio of
    counts. agents, controls: how many were compared. restart_known: whether a placebo measured what a mere restart does.
    """

    metric: str
    form: MetricForm
    unit: str
    counted: bool
    shadow: bool
    verdict: Verdict
    proceed: bool
    bound: float
    proceed_bound: float
    figures: Figures | None
    agents: int
    controls: int
    guilty: tuple[str, ...]
    suspects: tuple[str, ...]
    unseen: tuple[AgentPresence, ...]
    uncontrolled: tuple[str, ...]
    contaminated: tuple[str, ...]
    singles: tuple[AgentEstimate, ...]
    restart_known: bool
    sentence: str

    @property
    def applicable(self) -> bool:
        """Whether any agent of the batch has this metric by design."""
        return bool(self.agents or self.unseen or self.uncontrolled)

    @property
    def votes(self) -> bool:
        """Whether the batch's verdict depends on this metric."""
        return self.applicable and not self.shadow


@dataclass(frozen=True, slots=True)
class BatchJudgement:
    """One batch at one look; `samples` after settle were seen, `last` says that no look was left, `extended` that it was the second bake."""

    verdict: Verdict
    proceed: bool
    samples: int
    last: bool
    extended: bool
    treated: tuple[str, ...]
    metrics: tuple[MetricJudgement, ...]

    def _names(self, lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(sorted({agent for names in lists for agent in names}))

    @property
    def guilty(self) -> tuple[str, ...]:
        """Agents to blame for a FAIL."""
        return self._names(metric.guilty for metric in self.metrics if metric.votes)

    @property
    def suspects(self) -> tuple[str, ...]:
        """Agents that stand out without enough evidence to blame them."""
        return self._names(metric.suspects for metric in self.metrics if metric.votes)

    @property
    def unseen(self) -> tuple[str, ...]:
        """Agents that a voting metric could not see."""
        return self._names(tuple(one.agent for one in metric.unseen) for metric in self.metrics if metric.votes)

    @property
    def uncontrolled(self) -> tuple[str, ...]:
        """Agents without enough neighbours on their machine."""
        return self._names(metric.uncontrolled for metric in self.metrics if metric.votes)

    @property
    def contaminated(self) -> tuple[str, ...]:
        """Agents in whose window something else changed."""
        return self._names(metric.contaminated for metric in self.metrics if metric.votes)

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence per metric."""
        return tuple(metric.sentence for metric in self.metrics)

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(to_record(self))

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> BatchJudgement:
        """The judgement that to_record wrote."""
        return from_record(cls, record)
