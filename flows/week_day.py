"""One day of a week: may it start, start it, wait for it through holds, say how it ended and what it leaves open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flows.day_runs import DayRuns, DayState
from flows.days import FLAG, deployment_of, is_built, measures_of, not_built
from flows.scoring import score
from rollout.needs import told, unmet_needs
from rollout.parameters import Acknowledgement, Override
from rollout.plan import Day, Plan
from rollout.report import Outcome
from rollout.report_file import read_report
from rollout.run_ledger import run_ledger
from rollout.site import Site
from rollout.verdict import Standing
from rollout.week_evidence import read_week
from rollout.week_file import WeekEntry, WeekFile, WeekStep
from rollout.week_rules import RULES

LOOK = 5.0
"""Seconds between two looks at a day's run."""


@dataclass(frozen=True)
class Week:
    """parameters: what every day is started with; acknowledged: for day 0; overrides: by day; say: tells a person."""

    plan: Plan
    site: Site
    file: WeekFile
    runs: DayRuns
    say: Callable[[str], None]
    identity: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    acknowledged: tuple[Acknowledgement, ...] = ()
    overrides: Mapping[int, Override] = field(default_factory=dict)

    def note(self, day: Day, step: WeekStep, run: str, said: str) -> None:
        """Write it down, and say it."""
        self.file.append(WeekEntry(self.site.clock.now(), day.day, step, run, said))
        started = f" as run {run}" if step is WeekStep.STARTED else ""
        self.say(f"day {day.day}, {day.title}: {step.value}{started}{f'; {said}' if said else ''}")

    def completed(self, day: Day, run: str) -> bool:
        """Whether that run completed that day, by its stored report."""
        report = read_report(self.site.reports / run) if run else None
        return report is not None and report.day == day.day and report.outcome is Outcome.COMPLETE


def take_day(week: Week, day: Day) -> None:
    """Bring one day to its end, or say why it does not start. A day that an earlier attempt of this week started is waited for, not started again."""
    last = week.file.latest().get(day.day)
    if last is not None and last.step is WeekStep.ENDED and week.completed(day, last.run):
        return
    run = last.run if last is not None and last.step is WeekStep.STARTED else _start(week, day)
    if run:
        _wait(week, day, run)
        report = read_report(week.site.reports / run)
        week.note(day, WeekStep.ENDED, run, report.sentence if report else "it wrote no report; the UI says why")
        _carry_forward(week, day)


def _start(week: Week, day: Day) -> str:
    """The day's new run; empty where it may not start."""
    if not is_built(day):
        week.note(day, WeekStep.NOT_BUILT, "", "its criteria are NOT MEASURED for that reason")
        return ""
    stored = read_week(week.site.state, week.plan, week.site.name, not_built(week.plan), week.file)
    unmet = unmet_needs(day, stored, RULES, measures_of(day))
    override = week.overrides.get(day.day)
    if unmet and override is None:
        week.note(day, WeekStep.NOT_STARTED, "", f"it needs what is not MET: {told(unmet)}")
        return ""
    attempts = sum(entry.day == day.day and entry.step is WeekStep.STARTED for entry in week.file.entries())
    run = week.runs.start(deployment_of(day), _parameters(week, day, override), f"{week.identity}-{day.day}-{attempts}")
    week.note(day, WeekStep.STARTED, run, f"{override.name} overrides its needs: {override.reason}" if unmet and override else "")
    return run


def _parameters(week: Week, day: Day, override: Override | None) -> dict[str, object]:
    given = dict(week.parameters)
    if deployment_of(day) == FLAG:
        given["day"] = day.day
    if override is not None:
        given["override"] = override.model_dump()
    if day.day == week.plan.days[0].day and week.acknowledged:
        given["acknowledged"] = [each.model_dump() for each in week.acknowledged]
    if day.day == week.plan.days[-1].day and not day.change:
        given["week"] = week.identity  # the review judges this week's runs and no others
    return given


def _wait(week: Week, day: Day, run: str) -> None:
    """Look after the run until it is over. A held day keeps the week waiting, without a verdict and without an end of its patience."""
    decided, suspended = 0, False
    while (state := week.runs.state(run)) is not DayState.OVER:
        if state is DayState.SUSPENDED and not suspended:
            week.say(f'day {day.day} is held or suspended, the week waits: `rollout answer {run} promote|extend|"roll back" --reason ...`, or the UI')
        suspended = state is DayState.SUSPENDED
        decisions = run_ledger(week.site.runs, run, week.site.clock).decisions()
        if len(decisions) > decided:
            week.say(f"day {day.day}: batch {max(decisions)} is decided")
        decided = len(decisions)
        week.site.clock.sleep(LOOK)


def _carry_forward(week: Week, day: Day) -> None:
    """What the day leaves open is said, and stops nothing but the days that need it."""
    board = score(week.site, week.plan, week.identity)
    for row in board.rows:
        if row.day == day.day and row.verdict is not Standing.MET:
            week.say(f"carried forward: {row.id} {row.verdict.value}: {row.sentence}")
