"""The plan's impact metrics and windows as the judge's policy: the one place where the two vocabularies meet."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

from rollout.errors import Refused
from rollout.fleet import Agent
from rollout.judge.policy import JudgePolicy, MachineShare, MetricForm, MetricPolicy
from rollout.plan import Day, ImpactForm, ImpactMetric

FORMS = {
    ImpactForm.RELATIVE: MetricForm.RELATIVE,
    ImpactForm.SHARE_OF_MACHINE: MetricForm.SHARE_OF_MACHINE,
    ImpactForm.ABSOLUTE: MetricForm.ABSOLUTE,
}
FEWEST_FOR_A_SPREAD = 2


def judge_policy(day: Day, agents: Sequence[Agent], scrape_interval: float, cores: Mapping[str, float] | None = None) -> JudgePolicy:
    """The policy for a day's batches.

    agents: the whole fleet, so that controls without a metric are left out too; scrape_interval: seconds; cores: by machine, as the site says
    them, by default those of this computer. Raises Refused without a bake, for a second extension, and for a share of unknown cores.
    """
    if day.bake is None or day.batches is None:
        raise Refused(f"day {day.day} has no batches to judge")
    if len(day.bake.extensions) > 1:
        raise Refused(f"day {day.day} extends a bake {len(day.bake.extensions)} times; the judge's chance of a false alarm allows one extension")
    applicable = day.applicable(agents)
    return JudgePolicy(
        metrics=tuple(_metric(metric, agents, applicable[metric.name], cores) for metric in day.impact),
        settle=day.bake.settle,
        before=day.bake.before,
        after=day.bake.after,
        looks=day.bake.looks,
        extension=sum(day.bake.extensions),
        min_controls=_controls(day.batches.neighbours),
        scrape_interval=scrape_interval,
    )


def _metric(metric: ImpactMetric, agents: Sequence[Agent], applicable: Sequence[str], cores: Mapping[str, float] | None) -> MetricPolicy:
    return MetricPolicy(
        name=metric.name,
        form=FORMS[metric.form],
        bound=metric.bound,
        proceed_bound=metric.proceed_bound,
        shadow=metric.shadow,
        unit=metric.unit,
        relative_bound=metric.relative_bound,
        subtract_restart=metric.subtract_restart,
        not_applicable=tuple(agent.id for agent in agents if agent.id not in set(applicable)),
        machines=_shares(agents, cores) if metric.form is ImpactForm.SHARE_OF_MACHINE else (),
    )


def _shares(agents: Sequence[Agent], cores: Mapping[str, float] | None) -> tuple[MachineShare, ...]:
    """Each machine's capacity in cores and the agents over which a share of it is spread."""
    count = Counter(agent.machine for agent in agents)
    known = dict.fromkeys(count, float(os.cpu_count() or 1)) if cores is None else cores
    if unknown := sorted(set(count) - set(known)):
        raise Refused(f"a bound is a share of a machine, and the site does not say the cores of {', '.join(unknown)}: its file needs `cores` there")
    return tuple(MachineShare(machine, known[machine], number) for machine, number in count.items())


def _controls(neighbours: int) -> int:
    """Controls that the judge needs: those that the plan leaves, never more than the design asks for.

    A plan that leaves more must not lose its verdict when one of them is unseen.
    """
    return min(JudgePolicy().min_controls, max(FEWEST_FOR_A_SPREAD, neighbours))
