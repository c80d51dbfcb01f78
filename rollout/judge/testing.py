"""Everything that is computed about one metric of one batch before a verdict is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import pdtrc

from rollout.judge.changes import Changes, block_rule, changes_of
from rollout.judge.group import GroupEstimate, Scale, estimate_group, on_scale, quantile
from rollout.judge.neighbours import Neighbours, compare, floor_of
from rollout.judge.panel import Panel
from rollout.judge.policy import JudgePolicy, MetricPolicy
from rollout.judge.presence import AgentPresence, Presence
from rollout.judge.restart import RestartEffect
from rollout.judge.robust import Bools, Ints
from rollout.judge.sequential import level_at
from rollout.judge.single import Singles, judge_singles

CONFIDENCE = 0.05  # one-sided, of every bound that is shown and of what counts as a suspect


@dataclass(frozen=True)
class Look:
    """One look at one bake: samples after settle, whether no look is left, whether this is the extended bake."""

    samples: int
    last: bool
    extended: bool


@dataclass(frozen=True)
class Standings:
    """Which agents of the batch can be judged on a metric; agents (n,) are indices, the rest are names.

    controls: (A,) neighbours that were seen. blind: nobody, neighbours included, has a sample after settle.
    """

    agents: Ints
    unseen: tuple[AgentPresence, ...]
    uncontrolled: tuple[str, ...]
    contaminated: tuple[str, ...]
    controls: Bools
    blind: bool

    @property
    def asked(self) -> int:
        """Agents of the batch that have this metric by design."""
        return len(self.agents) + len(self.unseen) + len(self.uncontrolled)


@dataclass(frozen=True)
class Case:
    """One metric of one batch at one look, with everything that is compared. restart: what to take off for the restart itself."""

    panel: Panel
    metric: MetricPolicy
    policy: JudgePolicy
    look: Look
    changes: Changes
    neighbours: Neighbours
    standings: Standings
    restart: RestartEffect | None

    @property
    def is_group(self) -> bool:
        """Whether the batch is large enough for the group test; otherwise it is a canary (design, Verdicts)."""
        return self.standings.asked >= self.policy.group_minimum


@dataclass(frozen=True)
class Tests:
    """Everything computed about the agents that can be judged.

    level, last_level: one-sided, of one test at this look and at the last. guilty, suspects: (n,). as_group: the batch as a whole is worse.
    gross: a canary among them may be grossly worse.
    """

    scale: Scale
    singles: Singles
    group: GroupEstimate
    level: float
    last_level: float
    guilty: Bools
    suspects: Bools
    as_group: bool
    gross: bool


def open_case(panel: Panel, at: int, policy: JudgePolicy, look: Look, absent: Sequence[str], placebo: RestartEffect | None) -> Case:
    """Compares metric number `at` before against after and with the neighbours, and sorts the batch into who can be judged."""
    metric = panel.metrics[at]
    changes = changes_of(panel, at, policy.min_share_seen)
    applicable = ~np.isin(panel.agents, metric.not_applicable) if metric.not_applicable else np.ones(len(panel.agents), dtype=bool)
    neighbours = compare(changes, ~panel.treated & applicable, panel.machine_of, len(panel.machines), metric, policy)
    gone = tuple(agent for agent in absent if agent not in metric.not_applicable)
    standings = _sort_out(panel, at, changes, applicable, neighbours, gone)
    return Case(panel, metric, policy, look, changes, neighbours, standings, placebo if metric.subtract_restart else None)


def _sort_out(panel: Panel, at: int, changes: Changes, applicable: Bools, neighbours: Neighbours, absent: tuple[str, ...]) -> Standings:
    """Sorts the batch into judged, unseen, uncontrolled and contaminated."""
    batch = panel.treated & applicable
    near = neighbours.known[panel.machine_of]
    foreign = np.zeros(len(batch), dtype=bool) if panel.dropped is None else panel.dropped.any(axis=1)
    unseen = {**dict.fromkeys(absent, Presence.NEVER), **dict.fromkeys(panel.agents[batch & ~changes.seen], Presence.SPARSE)}
    return Standings(
        np.flatnonzero(batch & changes.seen & near),
        tuple(AgentPresence(agent, panel.metrics[at].name, unseen[agent]) for agent in sorted(unseen)),
        tuple(panel.agents[batch & changes.seen & ~near]),
        tuple(panel.agents[batch & foreign]),
        ~panel.treated & applicable & changes.seen,
        bool(np.isnan(panel.values[at][:, panel.before :]).all()),
    )


def run_tests(case: Case) -> Tests:
    """Group estimate, agent tests and the canary's gross bound for the agents that can be judged."""
    changes, neighbours, standings, metric = case.changes, case.neighbours, case.standings, case.metric
    machine_of = case.panel.machine_of
    shift, shift_se = (case.restart.effect, case.restart.se) if case.restart else (0.0, 0.0)
    scale = on_scale(changes, neighbours, standings.agents, case.panel, metric, shift)
    group = estimate_group(changes, neighbours, scale, machine_of, metric, shift_se)
    _, df = block_rule(case.look.samples)
    singles = judge_singles(changes, neighbours, scale, machine_of, floor_of(changes, metric), df, shift_se)
    level, last_level = (level_at(case.policy, case.panel.metrics, samples) for samples in (case.look.samples, case.policy.after))
    worse = scale.effect > scale.bound
    suspects = worse & (singles.q <= CONFIDENCE)
    as_group = case.is_group and group.lower(level) > 0 and group.effect > float(scale.bound.mean())
    guilty = (worse & (singles.q <= level)) | (suspects & as_group)
    gross = _errs_anew(case) if changes.counted else _may_be_gross(neighbours, scale, machine_of, case.policy.canary_bound)
    return Tests(scale, singles, group, level, last_level, guilty, suspects, as_group, gross)


def _may_be_gross(neighbours: Neighbours, scale: Scale, machine_of: Ints, bound: float) -> bool:
    """Whether some canary's upper bound reaches `bound`, relative, or its proceed bound if that allows more (design, item 8)."""
    at = machine_of[scale.agents]
    reach = np.array([quantile(1 - CONFIDENCE, free) for free in neighbours.free[at]]) * neighbours.spread[at] * np.sqrt(1.0 + neighbours.share[at])
    return bool((scale.excess + reach >= np.maximum(np.log1p(bound), scale.proceed_excess)).any())


def _errs_anew(case: Case) -> bool:
    """Whether a canary has errors after settle that neither its past nor its neighbours explain (design, item 8).

    An agent that always errs a little would never pass "no error"; so errors count if a Poisson with the larger of its own rate before and
    its neighbours' rate now makes as many unlikely. Where nobody erred, one error is enough.
    """
    changes, controls, machines = case.changes, case.standings.controls, case.panel.machine_of
    size = len(case.panel.machines)
    errors = np.bincount(machines[controls], changes.errors[controls], size)
    requests = np.bincount(machines[controls], changes.requests[controls], size)
    agents = case.standings.agents
    around = (errors / np.maximum(requests, 1.0))[machines[agents]]
    count = np.rint(changes.errors[agents])
    chance = pdtrc(np.maximum(count - 1, 0), np.maximum(changes.rate[agents], around) * changes.requests[agents])
    return bool(((count > 0) & (chance < CONFIDENCE)).any())
