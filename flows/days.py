"""Which flow carries out which day: one line a day. A day whose flow's file is not there is not built, and everybody says so."""

from __future__ import annotations

from rollout.checkout import ROOT
from rollout.plan import Day, Plan

FLOWS = {
    0: "flows/day0_readiness.py",
    1: "flows/day1_metrics.py",
    2: "flows/day2_hubs.py",
    3: "flows/day3_optimization.py",
    4: "flows/day4_optimization.py",
    5: "flows/day5_features.py",
    6: "flows/day6_load.py",
    7: "flows/day7_review.py",
}
"""Day to the file of its flow; its deployment in prefect.yaml is day-N."""
FLAG = "flag-day"
"""The deployment of every day whose plan says what is set, in whichever plan."""
MEASURES = {"day-1": ("ready", "hub", "baseline"), FLAG: ("ready",)}
"""Gates that a deployment's flow requires before it touches anything: a need that one of them answers is measured by the run itself."""


def is_built(day: Day) -> bool:
    """Whether there is a flow that can carry out that day."""
    return _planned(day) or (day.day in FLOWS and (ROOT / FLOWS[day.day]).exists())


def not_built(plan: Plan) -> tuple[int, ...]:
    """Days of the plan without a flow."""
    return tuple(day.day for day in plan.days if not is_built(day))


def measures_of(day: Day) -> tuple[str, ...]:
    """Gates that the day's run requires before it touches anything."""
    return MEASURES.get(deployment_of(day), ())


def deployment_of(day: Day) -> str:
    """The deployment that runs that day."""
    return FLAG if _planned(day) else f"day-{day.day}"


def _planned(day: Day) -> bool:
    return day.change is not None and day.change.planned
