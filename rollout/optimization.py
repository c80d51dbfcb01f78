"""What became of every agent that a day could have optimised: counted, never assumed (plan.md lines 214-217 and 249-260)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import pandas as pd

from rollout.candidates import Candidate, Ranking, Worth
from rollout.judge.improvement import ImprovementJudgement
from rollout.report import OptimisedAgent
from rollout.verdict import Evidence, Finding, Verdict

GATE = "improvement"
Pair = tuple[float | None, float | None]


class Optimised(Enum):
    """What became of an agent."""

    PROVEN = "applied and proven"
    NOT_PROVEN = "applied, not proven"
    NOT_WORTH_IT = "not worth it"
    REVERTED = "reverted"
    LATER = "worth it, left for a later day"
    NO_CONTRACT = "left alone: no contract to compare it by"
    NOT_MEASURED = "left alone: not measured"


APPLIED = (Optimised.PROVEN, Optimised.NOT_PROVEN)
TAKEN = (*APPLIED, Optimised.REVERTED)
"""Outcomes of agents that a day took; the days after it leave them."""
LEFT = {
    Worth.LATER: Optimised.LATER,
    Worth.NOT_WORTH_IT: Optimised.NOT_WORTH_IT,
    Worth.NO_CONTRACT: Optimised.NO_CONTRACT,
    Worth.NOT_MEASURED: Optimised.NOT_MEASURED,
}


@dataclass(frozen=True)
class Measured:
    """What a day measured of its candidates.

    starts: one row per shadow start: agent, seconds, changed, first_request, resident (NaN: not measured), the survey's first; confirmed: agent to
    its start-up seconds before and after, as Prometheus has them.
    """

    starts: pd.DataFrame
    judgement: ImprovementJudgement
    confirmed: Mapping[str, Pair]


def table(ranking: Ranking, standing: Collection[str], set_back: Mapping[str, str], measured: Measured) -> tuple[OptimisedAgent, ...]:
    """One row per surveyed agent, in the ranking's order. standing: agents that have the change now; set_back: those that went back, and why."""
    told = {each.agent: each for each in measured.judgement.agents}
    rows = []
    for each in ranking.all:
        outcome = _outcome(each, standing, set_back, measured.judgement)
        single = told.get(each.agent) if outcome in TAKEN else None
        starts = measured.starts[measured.starts["agent"] == each.agent]
        rows.append(
            OptimisedAgent(
                agent=each.agent,
                outcome=outcome.value,
                rank=each.rank,
                seconds=_medians(starts, "seconds") if single else (_known(each.seconds), _known(each.seconds - each.saved)),
                ratio=single.ratio if single else None,
                upper=single.upper if single else None,
                first_request=_medians(starts, "first_request"),
                memory=_medians(starts, "resident"),
                confirmed=measured.confirmed.get(each.agent, (None, None)),
                reason=set_back.get(each.agent, each.reason),
            )
        )
    return tuple(rows)


def counts_of(rows: Sequence[OptimisedAgent]) -> dict[Optimised, int]:
    """Agents by outcome, every outcome named, in the order of the enum."""
    counted = Counter(row.outcome for row in rows)
    return {outcome: counted[outcome.value] for outcome in Optimised}


def each_finding(judgement: ImprovementJudgement, evidence: Evidence) -> Finding:
    """Whether each optimised agent alone reaches the claim: as many as their own exact bound says so."""
    proven = len(judgement.agents) - len(judgement.unproven)
    lost = tuple(sorted({*judgement.unproven, *judgement.unseen}))
    if not judgement.agents:
        return Finding(
            f"{GATE}.each", Verdict.ERROR, "no start was measured", _claim(judgement), "No agent was started on both sides.", evidence, lost
        )
    verdict = Verdict.INCONCLUSIVE if lost else Verdict.PASS
    sentence = (
        f"{proven} of {len(judgement.agents) + len(judgement.unseen)} optimised agents are proven alone by the exact rank-sum bound of their starts"
    )
    return Finding(f"{GATE}.each", verdict, f"{proven} of {len(judgement.agents)}", _claim(judgement), sentence, evidence, lost)


def average_finding(check: str, judgement: ImprovementJudgement, evidence: Evidence) -> Finding:
    """The geometric mean over the agents against the claim, by its Wilcoxon bound."""
    saved = "not measured" if judgement.ratio is None else f"{1 - judgement.ratio:.0%} faster"
    bound = "" if judgement.upper is None else f", at least {1 - judgement.upper:.0%}"
    return Finding(f"{GATE}.{check}", judgement.verdict, saved + bound, _claim(judgement), judgement.sentence, evidence, judgement.unseen)


def count_finding(check: str, rows: Sequence[OptimisedAgent], wanted: int, evidence: Evidence) -> Finding:
    """How many of the wanted number are applied and proven; what became of the others stands beside it."""
    counts = counts_of(rows)
    said = ", ".join(f"{number} {outcome.value}" for outcome, number in counts.items() if number)
    applied = sum(counts[outcome] for outcome in APPLIED)
    verdict = Verdict.PASS if counts[Optimised.PROVEN] >= wanted else Verdict.INCONCLUSIVE if applied >= wanted else Verdict.FAIL
    if evidence.samples == 0:
        verdict = Verdict.ERROR
    observed = f"{counts[Optimised.PROVEN]} of {wanted} applied and proven"
    lost = tuple(row.agent for row in rows if row.outcome in {Optimised.NOT_PROVEN.value, Optimised.REVERTED.value})
    return Finding(
        f"{GATE}.{check}", verdict, observed, f"{wanted}", f"Of {len(rows)} agents that are not optimised earlier: {said}.", evidence, lost
    )


def _outcome(each: Candidate, standing: Collection[str], set_back: Mapping[str, str], judgement: ImprovementJudgement) -> Optimised:
    if each.agent in set_back:
        return Optimised.REVERTED
    if each.agent in standing:
        lost = each.agent in judgement.unproven or each.agent in judgement.unseen
        return Optimised.NOT_PROVEN if lost else Optimised.PROVEN
    return LEFT.get(each.worth, Optimised.LATER)


def _claim(judgement: ImprovementJudgement) -> str:
    return f"> {1 - judgement.claim:.0%}"


def _medians(starts: pd.DataFrame, column: str) -> Pair:
    """Before and after; the survey's start is cold and left out, as the judge leaves it out."""
    warm = starts[starts.groupby("changed").cumcount() > 0]
    before, after = (warm.loc[warm["changed"] == changed, column].median() for changed in (False, True))
    return _known(before), _known(after)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
