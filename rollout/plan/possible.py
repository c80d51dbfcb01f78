"""Plans that are well-formed and still cannot be carried out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from rollout.batches import batch_count
from rollout.plan.criterion import WeekRule
from rollout.plan.day import ChangeKind, Day
from rollout.plan.load import Load
from rollout.plan.rehearsal import Rehearsal

if TYPE_CHECKING:
    from rollout.plan.plan import Plan

Impossibility = tuple[str, str]
"""The key and the reason."""


def first_impossibility(plan: Plan) -> Impossibility | None:
    """The first reason why the plan cannot be carried out, or None."""
    return next(_impossibilities(plan), None)


def _impossibilities(plan: Plan) -> Iterator[Impossibility]:
    yield from _twice("days", (str(day.day) for day in plan.days))
    yield from _criteria(plan)
    for index, day in enumerate(plan.days):
        yield from _day(plan, day, f"days.{index}")
    yield from _optimised(plan)
    yield from _escalation(plan)
    for name, rehearsal in plan.rehearsals.items():
        yield from _rehearsal(plan, rehearsal, f"rehearsals.{name}")


def _twice(key: str, names: Iterable[str]) -> Iterator[Impossibility]:
    for name, count in Counter(names).items():
        if count > 1:
            yield key, f"{name} stands here {count} times"


def _day(plan: Plan, day: Day, key: str) -> Iterator[Impossibility]:
    yield from _twice(f"{key}.gates", (gate.name for gate in day.gates))
    yield from _twice(f"{key}.steps", (step.title for step in day.steps))
    yield from _twice(f"{key}.impact", (metric.name for metric in day.impact))
    known = {criterion.id: criterion for criterion in plan.criteria}
    for need in day.needs:
        if need not in known:
            yield f"{key}.needs", f"unknown criterion {need}"
        elif (measured := known[need].day) is None or measured >= day.day:
            yield f"{key}.needs", f"{need} is not measured before day {day.day}"
    if (day.change is not None and day.change.planned) != bool(day.environment):
        yield f"{key}.environment", "stands where the change is a flag, and only there"
    if day.batches is not None:
        yield from _batches(plan, day, key)
    if day.change is ChangeKind.LAZY_LOADING and day.optimization is None:
        yield f"{key}.optimization", "a day that optimises says how it ranks and what it has to prove"
    if day.load is not None:
        yield from _load(day, day.load, key)


def _load(day: Day, load: Load, key: str) -> Iterator[Impossibility]:
    """At pace 1 the load test ends inside the hours of its step."""
    step = next((step for step in day.steps if step.title == load.step), None)
    if step is None:
        yield f"{key}.load.step", f"unknown step {load.step!r}"
    elif step.seconds is not None and load.duration > step.seconds:
        yield f"{key}.load", f"its levels and the recovery take {load.duration / 3600:g} h, {load.step!r} has {step.seconds / 3600:g} h"


def _batches(plan: Plan, day: Day, key: str) -> Iterator[Impossibility]:
    """With an extension in every batch and every act at its deadline, the batches end inside the hours of their step at pace 1."""
    batches = day.batches
    if batches is None:
        return
    for needed, value in (("change", day.change), ("bake", day.bake), ("failure_budget", day.failure_budget), ("recovery", day.recovery)):
        if value is None:
            yield f"{key}.{needed}", "a day with batches needs it"
            return
    step = next((step for step in day.steps if step.title == batches.step), None)
    if step is None:
        yield f"{key}.batches.step", f"unknown step {batches.step!r}"
        return
    if not day.selector.all and day.count is None:
        yield f"{key}.count", "a day that does not take all agents says how many, so that its hours can be checked"
        return
    number = batch_count(day.count or plan.fleet_size, batches.size, batches.canary)
    needed_seconds = number * longest_batch(day, plan.scrape_interval)
    if step.seconds is not None and needed_seconds > step.seconds:
        yield (
            f"{key}.batches",
            f"{number} batches with one extension each take {needed_seconds / 60:g} min, {batches.step!r} has {step.seconds / 60:g} min",
        )


def longest_batch(day: Day, scrape_interval: float) -> float:
    """Seconds that one batch may take at pace 1: interval or bake after its acts' deadlines, and every extension."""
    if day.batches is None or day.bake is None:
        return 0.0
    acts = day.deadlines.act + day.deadlines.verify
    return max(day.batches.interval, acts + day.bake.samples * scrape_interval) + sum(day.bake.extensions) * scrape_interval


def _criteria(plan: Plan) -> Iterator[Impossibility]:
    yield from _twice("criteria", (criterion.id for criterion in plan.criteria))
    days = {day.day for day in plan.days}
    for index, criterion in enumerate(plan.criteria):
        if criterion.day is not None and criterion.day not in days:
            yield f"criteria.{index}.day", f"{criterion.id}: the plan has no day {criterion.day}"
        if (criterion.rule is WeekRule.ALL_OF) != bool(criterion.rests_on):
            yield f"criteria.{index}.rests_on", f"{criterion.id}: stands where the rule is {WeekRule.ALL_OF.value!r}, and only there"
        for other in criterion.rests_on:
            if other not in {each.id for each in plan.criteria if each.rule is not WeekRule.ALL_OF}:
                yield f"criteria.{index}.rests_on", f"{criterion.id}: {other} is no criterion that a day or a record measures"


def _optimised(plan: Plan) -> Iterator[Impossibility]:
    """The days of one optimization take exactly the agents that are not optimised yet."""
    counts = [day.count or plan.fleet_size for day in plan.days if day.change is ChangeKind.LAZY_LOADING]
    remaining = plan.fleet_size - plan.optimised_earlier
    if counts and sum(counts) != remaining:
        yield "days", f"{' + '.join(map(str, counts))} != {remaining} agents that are not optimised ({plan.fleet_size} - {plan.optimised_earlier})"


def _escalation(plan: Plan) -> Iterator[Impossibility]:
    yield from _twice("escalation", (row.tier.value for row in plan.escalation))
    end: int | None = 0
    for index, row in enumerate(plan.escalation):
        if row.after != end or (row.before is not None and row.before <= row.after):
            yield f"escalation.{index}", f"{row.tier.value} does not begin where the tier before it ends"
        end = row.before
    if plan.escalation and end is not None:
        yield "escalation", "the last tier has no end"


def _rehearsal(plan: Plan, rehearsal: Rehearsal, key: str) -> Iterator[Impossibility]:
    metrics = {metric.name for day in plan.days for metric in day.impact}
    for field, names in (("impact", rehearsal.impact), ("shadow", rehearsal.shadow)):
        for name in names:
            if name not in metrics:
                yield f"{key}.{field}", f"unknown metric {name}"
    bounds = {(gate.name, bound) for day in plan.days for gate in day.gates for bound in gate.bounds}
    for gate, replaced in rehearsal.gates.items():
        for bound in replaced:
            if (gate, bound) not in bounds:
                yield f"{key}.gates.{gate}", f"no gate {gate} has a bound {bound}"
    try:
        for day in plan.days:
            rehearsal.applied_to(day)
    except ValidationError as error:
        yield f"{key}.impact", error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
