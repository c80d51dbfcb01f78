"""A day as its plan says it, seen from a site; a part that the day lacks is refused by name, not guessed."""

from __future__ import annotations

from collections.abc import Iterable

from rollout.errors import Refused
from rollout.fleet import Agent
from rollout.judge.policy import JudgePolicy
from rollout.judge_policy import judge_policy
from rollout.parameters import DayParameters
from rollout.plan import Bake, Batches, Day, FailureBudgets, Gate, Load, Optimization, Plan
from rollout.site import Site


class PlannedDay:
    """What the plan and a person's parameters say about one day on one site."""

    def __init__(self, plan: Plan, day: Day, site: Site, parameters: DayParameters) -> None:
        self.plan = plan
        self.day = day
        self.site = site
        self.parameters = parameters
        self.agents: tuple[Agent, ...] = site.fleet.select(parameters.selector or day.selector)
        self.pace = parameters.pace if parameters.pace is not None else day.load.pace if day.load else plan.pace

    @property
    def windows(self) -> Bake:
        """The day's bake windows, in samples."""
        return self.windows_of(self.day)

    @property
    def measured_day(self) -> Day:
        """The day whose impact metrics the baseline is of: this one, or the first that has any (day 0 measures for day 1)."""
        for day in (self.day, *self.plan.days):
            if day.impact:
                return day
        raise Refused(f"no day of plan {self.plan.plan} has impact metrics")

    def windows_of(self, day: Day) -> Bake:
        """That day's bake windows, in samples."""
        if day.bake is None:
            raise Refused(f"day {day.day} has no bake")
        return day.bake

    @property
    def failure_budgets(self) -> FailureBudgets:
        """How many agents may fail."""
        if self.day.failure_budget is None:
            raise Refused(f"day {self.day.day} has no failure budget")
        return self.day.failure_budget

    def gate(self, name: str) -> Gate:
        """The plan's gate of that name."""
        return self.day.gate(name)

    @property
    def batches(self) -> Batches:
        """How the day's agents are cut."""
        if self.day.batches is None:
            raise Refused(f"day {self.day.day} changes no agents")
        return self.day.batches

    @property
    def optimization(self) -> Optimization:
        """How the day ranks and proves."""
        if self.day.optimization is None:
            raise Refused(f"day {self.day.day} optimises nothing")
        return self.day.optimization

    def leave_out(self, agents: Iterable[str]) -> None:
        """These are not among the day's agents, since an earlier day has taken them. Raises Refused where nobody is left."""
        out = set(agents)
        self.agents = tuple(agent for agent in self.agents if agent.id not in out)
        if not self.agents:
            raise Refused(f"day {self.day.day}: an earlier day has taken every agent of fleet {self.site.fleet.name} that it could have taken")

    @property
    def load(self) -> Load:
        """The day's load test."""
        if self.day.load is None:
            raise Refused(f"day {self.day.day} has no load test")
        return self.day.load

    @property
    def policy(self) -> JudgePolicy:
        """The judge's policy as the plan fills it."""
        return self.policy_of(self.day)

    def policy_of(self, day: Day) -> JudgePolicy:
        """The judge's policy for that day's batches."""
        return judge_policy(day, self.site.fleet.agents, self.site.scrape_interval, self.site.cores)
