"""The hours after the last batch: does any agent drift away from the others?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rollout.judge.changes import block_rule, changes_of
from rollout.judge.group import on_scale
from rollout.judge.neighbours import compare, floor_of
from rollout.judge.panel import Panel, read_panel
from rollout.judge.policy import JudgePolicy
from rollout.judge.single import judge_singles
from rollout.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Drifting:
    """An agent whose metric left the others of its machine; estimate as an excess (log ratio, or ratio)."""

    agent: str
    metric: str
    excess: float
    q: float


@dataclass(frozen=True, slots=True)
class SoakJudgement:
    """PASS: every agent seen and none drifting; FAIL names the drifting; INCONCLUSIVE names the unseen; ERROR: no data at all."""

    verdict: Verdict
    drifting: tuple[Drifting, ...]
    unseen: tuple[str, ...]
    agents: int
    sentence: str


def judge_soak(frame: pd.DataFrame, policy: JudgePolicy) -> SoakJudgement:
    """Compares each agent's soak (t >= 0) with the time before it (t < 0), against all other agents of its machine.

    Nobody is left unchanged in a soak, so what all agents do together cannot be told from the day's own drift, and is not judged; the
    pooled batches are what certifies the bound. An agent FAILs at policy.alpha over the voting metrics, after Benjamini-Hochberg over the fleet.
    """
    panel = read_panel(frame, policy, policy.after)
    voting = [at for at, metric in enumerate(panel.metrics) if not metric.shadow]
    drifting: list[Drifting] = []
    unseen: set[str] = set()
    for at in voting:
        found, lost = _one_metric(panel, at, policy, policy.alpha / len(voting))
        drifting += found
        unseen |= lost
    agents = len(panel.agents)
    verdict = Verdict.FAIL if drifting else Verdict.INCONCLUSIVE if unseen else Verdict.PASS
    if not agents or not voting or panel.blind:
        verdict = Verdict.ERROR
    return SoakJudgement(verdict, tuple(drifting), tuple(sorted(unseen)), agents, _sentence(verdict, drifting, unseen, agents))


def _one_metric(panel: Panel, at: int, policy: JudgePolicy, alpha: float) -> tuple[list[Drifting], set[str]]:
    """Agents that drift on one metric and agents that cannot be compared."""
    metric = panel.metrics[at]
    changes = changes_of(panel, at, policy.min_share_seen)
    applicable = ~np.isin(panel.agents, metric.not_applicable)
    neighbours = compare(changes, applicable, panel.machine_of, len(panel.machines), metric, policy)
    comparable = applicable & changes.seen & neighbours.known[panel.machine_of]
    agents = np.flatnonzero(comparable)
    lost = set(panel.agents[applicable & ~comparable])
    if not len(agents):
        return [], lost
    scale = on_scale(changes, neighbours, agents, panel, metric)
    _, df = block_rule(policy.after)
    singles = judge_singles(changes, neighbours, scale, panel.machine_of, floor_of(changes, metric), df)
    guilty = np.flatnonzero((singles.q <= alpha) & (scale.effect > scale.bound))
    return [Drifting(str(panel.agents[agents[one]]), metric.name, float(scale.excess[one]), float(singles.q[one])) for one in guilty], lost


def _sentence(verdict: Verdict, drifting: list[Drifting], unseen: set[str], agents: int) -> str:
    """What the soak showed."""
    ends = {
        Verdict.PASS: "none drifted away from the others",
        Verdict.ERROR: "no data, not proven",
        Verdict.INCONCLUSIVE: f"not proven for {len(unseen)} that could not be compared",
        Verdict.FAIL: "drifted away from the others: " + ", ".join(f"{one.agent} ({one.metric})" for one in drifting[:5]),
    }
    return f"soak: {agents} agents, {ends[verdict]}; what all did together is not judged here."
