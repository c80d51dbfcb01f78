"""What ten agents cannot prove the day can: the batches pooled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from rollout.judge.judgement import BatchJudgement, MetricJudgement
from rollout.judge.policy import MetricForm
from rollout.judge.records import from_record, to_record
from rollout.judge.sentence import amount, names
from rollout.judge.soak import SoakJudgement
from rollout.verdict import Verdict

ALPHA = 0.01  # of a wrong FAIL of the day, shared by metrics and batches (design, Day)
CONFIDENCE = 0.05
NO_BOUNDS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class MetricDay:
    """One metric over the day; estimate, lower, upper on the shown scale, bounds one-sided 95 %, None if no batch has an estimate."""

    metric: str
    shadow: bool
    verdict: Verdict
    bound: float
    estimate: float | None
    lower: float | None
    upper: float | None
    batches: int
    agents: int
    sentence: str


@dataclass(frozen=True, slots=True)
class DayJudgement:
    """The day's verdict: the worst of its voting metrics and of its soak."""

    verdict: Verdict
    metrics: tuple[MetricDay, ...]
    soak: SoakJudgement | None

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence per metric, then the soak's."""
        return (*(metric.sentence for metric in self.metrics), *((self.soak.sentence,) if self.soak else ()))

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(to_record(self))

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> DayJudgement:
        """The judgement that to_record wrote."""
        return from_record(cls, record)


def judge_day(
    judgements: Sequence[BatchJudgement], soak: SoakJudgement | None = None, *, bounds: Mapping[str, float] = NO_BOUNDS, roster: Sequence[str] = ()
) -> DayJudgement:
    """Pools the batches of a day (design, Day): D1.2 and D1.6.

    PASS needs every batch judged on every metric, nobody unseen or uncontrolled, and est + 1.645 SE below the bound. A batch that FAILed
    and was not rolled back keeps the day from passing; leave out the ones that were. No judgement at all is ERROR.
    bounds: by metric, where the day is held to another bound than its batches (a rehearsal's batches are too few for the plan's own).
    roster: who has the change by name, so that a batch that nobody judged (a person promoted it) is missed.
    """
    unjudged = frozenset(roster) - {agent for judged in judgements for agent in judged.treated}
    names_seen = list(dict.fromkeys(metric.metric for judged in judgements for metric in judged.metrics))
    votes = sum(any(metric.metric == name and metric.votes for judged in judgements for metric in judged.metrics) for name in names_seen)
    metrics = tuple(_pool(name, judgements, max(1, votes), bounds.get(name), unjudged) for name in names_seen)
    verdict = max((metric.verdict for metric in metrics if not metric.shadow), default=Verdict.ERROR)
    return DayJudgement(verdict if soak is None else max(verdict, soak.verdict), metrics, soak)


def _pool(name: str, judgements: Sequence[BatchJudgement], votes: int, own_bound: float | None, unjudged: frozenset[str]) -> MetricDay:
    """One metric: est = sum n_b est_b / sum n_b, SE likewise, normal quantiles (design, Day)."""
    parts = [metric for judged in judgements for metric in judged.metrics if metric.metric == name]
    missed = len(judgements) - len(parts)
    told = [(part, part.figures) for part in parts if part.figures is not None]
    if not told:
        asked = any(part.applicable for part in parts)
        verdict = max((part.verdict for part in parts), default=Verdict.ERROR) if asked else Verdict.INCONCLUSIVE
        return MetricDay(name, parts[0].shadow, verdict, parts[0].bound, None, None, None, 0, 0, f"{name}: no batch could be judged, not proven.")
    sizes = np.array([part.agents for part, _ in told], dtype=float)
    share = sizes / sizes.sum()
    effect = float(share @ [figures.effect for _, figures in told])
    se = float(np.sqrt((share**2) @ [figures.se**2 for _, figures in told]))
    bound = float(share @ [_pooling_scale(part.bound if own_bound is None else own_bound, part) for part, _ in told])
    width = float(ndtri(1 - CONFIDENCE)) * se
    alarm = effect - float(ndtri(1 - ALPHA / votes / len(told))) * se
    gaps = tuple(sorted(unjudged | {one for part in parts for one in (*(lost.agent for lost in part.unseen), *part.uncontrolled)}))
    failed = [part for part in parts if part.verdict is Verdict.FAIL]
    if failed or (effect - width > bound and alarm > 0):
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.PASS if effect + width < bound and not gaps and not missed else Verdict.INCONCLUSIVE
    shown = (_shown(effect, told[0][0]), _shown(effect - width, told[0][0]), _shown(effect + width, told[0][0]))
    return MetricDay(
        name,
        parts[0].shadow,
        verdict,
        _shown(bound, told[0][0]),
        *shown,
        len(told),
        int(sizes.sum()),
        _sentence(told[0][0], shown, _shown(bound, told[0][0]), verdict, (len(told), int(sizes.sum())), gaps),
    )


def _pooling_scale(value: float, like: MetricJudgement) -> float:
    """A shown value on the scale on which effects are pooled."""
    return float(np.log1p(value)) if like.form is MetricForm.RELATIVE and not like.counted else value


def _shown(value: float, like: MetricJudgement) -> float:
    """The inverse of _pooling_scale."""
    return float(np.expm1(value)) if like.form is MetricForm.RELATIVE and not like.counted else value


def _sentence(
    like: MetricJudgement, shown: tuple[float, float, float], bound: float, verdict: Verdict, counts: tuple[int, int], gaps: tuple[str, ...]
) -> str:
    """The day's estimate, bounds and what they prove."""
    estimate, lower, upper = (amount(value, like) for value in shown)
    said = amount(bound, like, signed=False)
    ends = {Verdict.PASS: f"proven < {said}", Verdict.FAIL: f"worse than {said}, in the pooled day or in one of its batches"}
    missing = f"; without {names(gaps)}" if gaps else ""
    ending = ends.get(verdict, f"not proven < {said}")
    return f"{like.metric}: {estimate} [{lower}, {upper}] over {counts[0]} batches, {counts[1]} agents; {ending}{missing}."
