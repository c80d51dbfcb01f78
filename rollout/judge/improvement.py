"""Was it really made faster? Bounds on ratios of start-up times, never a mean of percentages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from rollout.judge.records import from_record, to_record
from rollout.judge.robust import Floats
from rollout.verdict import Verdict

CONFIDENCE = 0.05
MIN_STARTS = 5  # of one agent on each side for a bound of its own (design, Improvements)


@dataclass(frozen=True, slots=True)
class AgentImprovement:
    """One agent: ratio of median start-up times after / before, its one-sided 95 % upper bound (None: too few starts) and starts used."""

    agent: str
    ratio: float
    upper: float | None
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class ImprovementJudgement:
    """A batch's improvement. claim: ratio below which the claim holds (0.6 is "> 40 % faster").

    ratio: geometric mean over agents; upper: one-sided 95 % Wilcoxon bound on the ratio (None: too few agents); p: of the claim.
    unproven: agents whose own bound does not reach the claim; unseen: agents without starts on both sides.
    """

    verdict: Verdict
    claim: float
    ratio: float | None
    upper: float | None
    p: float | None
    agents: tuple[AgentImprovement, ...]
    unproven: tuple[str, ...]
    unseen: tuple[str, ...]
    sentence: str

    def to_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(to_record(self))

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> ImprovementJudgement:
        """The judgement that to_record wrote."""
        return from_record(cls, record)


def judge_improvement(starts: pd.DataFrame, claim: float = 0.6, roster: tuple[str, ...] = ()) -> ImprovementJudgement:
    """Judges a claim such as "> 40 % faster start" over a batch of agents (design, Improvements).

    starts: one row per start in order of time: agent, seconds, changed (False: before). The first start of each side is dropped as cold if
    another follows. roster: agents that must be there. PASS if the Wilcoxon upper bound is below the claim and nobody is unseen; FAIL if the
    claim is refuted (the lower bound is above it); otherwise INCONCLUSIVE; ERROR without any start.
    """
    if not 0 < claim < 1:
        raise ValueError(f"a claim is a ratio between 0 and 1, not {claim}")
    warm = _warm(starts) if len(starts) else {}
    agents = tuple(_one_agent(agent, before, after) for agent, (before, after) in warm.items() if len(before) and len(after))
    told = {agent.agent for agent in agents}
    unseen = tuple(sorted((set(roster) | set(warm)) - told))
    unproven = tuple(agent.agent for agent in agents if agent.upper is None or agent.upper >= claim)
    if not agents:
        return ImprovementJudgement(Verdict.ERROR, claim, None, None, None, (), (), unseen, "no start was measured on both sides, not proven.")
    logs = np.log([agent.ratio for agent in agents])
    bound, low = signed_rank_bound(logs), signed_rank_bound(-logs)
    upper = None if bound is None else float(np.exp(bound))
    p = (
        float(wilcoxon(logs - np.log(claim), alternative="less", method="exact" if _untied(logs - np.log(claim)) else "approx").pvalue)
        if len(logs) > 1
        else None
    )
    verdict = Verdict.PASS if upper is not None and upper < claim and not unseen else Verdict.INCONCLUSIVE
    if low is not None and float(np.exp(-low)) > claim:
        verdict = Verdict.FAIL
    ratio = float(np.exp(logs.mean()))
    return ImprovementJudgement(
        verdict, claim, ratio, upper, p, agents, unproven, unseen, _sentence(verdict, claim, ratio, upper, (len(agents), unproven, unseen))
    )


def _untied(values: Floats) -> bool:
    """Whether the exact distribution of signed ranks applies."""
    sizes = np.abs(values)
    return bool(len(np.unique(sizes)) == len(sizes) and (sizes > 0).all() and len(sizes) <= 50)


def _warm(starts: pd.DataFrame) -> dict[str, tuple[Floats, Floats]]:
    """Usable start-up times by agent, before and after, without the first (cold) one of each side."""
    usable = starts[np.isfinite(starts["seconds"].to_numpy(dtype=float)) & (starts["seconds"].to_numpy(dtype=float) > 0)]
    sides: dict[str, tuple[Floats, Floats]] = {str(agent): (np.empty(0), np.empty(0)) for agent in pd.unique(starts["agent"])}
    for agent, rows in usable.groupby("agent", sort=True, observed=True):
        changed = rows["changed"].to_numpy(dtype=bool)
        seconds = rows["seconds"].to_numpy(dtype=float)
        before, after = seconds[~changed], seconds[changed]
        sides[str(agent)] = (before[1:] if len(before) > 1 else before, after[1:] if len(after) > 1 else after)
    return dict(sorted(sides.items()))


def _one_agent(agent: str, before: Floats, after: Floats) -> AgentImprovement:
    """One agent's ratio of medians and, from five starts on each side, its exact bound."""
    bound = rank_sum_bound(np.log(before), np.log(after)) if min(len(before), len(after)) >= MIN_STARTS else None
    return AgentImprovement(
        agent, float(np.median(after) / np.median(before)), None if bound is None else float(np.exp(bound)), len(before), len(after)
    )


def signed_rank_bound(values: Floats) -> float | None:
    """One-sided 95 % upper bound on the centre of symmetric values (n,): the Walsh average that Wilcoxon's exact test leaves; None below n = 5."""
    averages = np.sort(((values[:, None] + values[None, :]) / 2)[np.triu_indices(len(values))])
    ways = np.ones(1)
    for rank in range(1, len(values) + 1):
        ways = np.convolve(ways, np.concatenate(([0.5], np.zeros(rank - 1), [0.5])))
    return _order_statistic(averages, ways)


def rank_sum_bound(before: Floats, after: Floats) -> float | None:
    """One-sided 95 % upper bound on the shift after - before of two small samples, from the exact rank-sum distribution (Mann and Whitney 1947)."""
    differences = np.sort((after[:, None] - before[None, :]).ravel())
    return _order_statistic(differences, _rank_sum_ways(len(before), len(after)))


def _rank_sum_ways(first: int, second: int) -> Floats:
    """Probability of each value of the Mann-Whitney statistic (first * second + 1,), as products of Gaussian polynomials."""
    ways = np.zeros(first * second + 1)
    ways[0] = 1.0
    for rank in range(1, first + 1):
        for at in range(len(ways) - 1, second + rank - 1, -1):
            ways[at] -= ways[at - second - rank]
        for at in range(rank, len(ways)):
            ways[at] += ways[at - rank]
    return np.asarray(ways / ways.sum())


def _order_statistic(ordered: Floats, chance: Floats) -> float | None:
    """The smallest value that the test at 5 % still rejects from below; None if even the largest is not rejected."""
    tail = np.cumsum(chance)
    allowed = int(np.count_nonzero(tail <= CONFIDENCE + 1e-12))
    return float(ordered[len(ordered) - allowed]) if allowed else None


def _sentence(verdict: Verdict, claim: float, ratio: float, upper: float | None, counts: tuple[int, tuple[str, ...], tuple[str, ...]]) -> str:
    """The geometric mean, its bound, and what is not proven."""
    agents, unproven, unseen = counts
    bound = "too few agents for a bound" if upper is None else f"at least {100 * (1 - upper):.0f} % with 95 % confidence"
    ends = {Verdict.PASS: "proven", Verdict.FAIL: "refuted"}
    alone = f"; not proven alone: {len(unproven)} agents" if unproven else ""
    missing = f"; not measured: {', '.join(unseen[:5])}" if unseen else ""
    said = f"> {100 * (1 - claim):.0f} % {ends.get(verdict, 'not proven')}"
    return f"{100 * (1 - ratio):.0f} % faster over {agents} agents (geometric mean), {bound}; {said}{alone}{missing}."
