"""A week: days in their order as runs of their own, waited for, carried forward, and gone on with after its process died."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import flows.week_day
from flows.day_runs import DayState
from flows.week_day import Week, _parameters, take_day
from rollout.errors import InputError
from rollout.named_plan import named_plan
from rollout.parameters import Acknowledgement, Override
from rollout.plan import ChangeKind, Day
from rollout.report import Outcome
from rollout.report_file import write_report
from rollout.site import Site
from rollout.verdict import Standing
from rollout.week_file import WeekFile, WeekStep
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_scoreboard import day as report_of_day

PLAN = named_plan("week3")


class MemoryRuns:
    """A server in memory: a started day is over after as many looks as it is told to take, and has written its report then."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.started: list[tuple[str, Mapping[str, object]]] = []
        self.keys: dict[str, str] = {}
        self.verdicts: dict[int, dict[str, Standing]] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.looks: dict[str, list[DayState]] = {}
        self.plan_of_looks: Callable[[int], list[DayState]] = lambda _: [DayState.WORKING]

    def start(self, deployment: str, parameters: Mapping[str, object], key: str) -> str:
        """As DayRuns has it."""
        if key in self.keys:
            return self.keys[key]
        number = int(deployment.removeprefix("day-"))
        run = f"run-{number}-{len(self.started)}"
        self.keys[key] = run
        self.started.append((deployment, parameters))
        self.looks[run] = self.plan_of_looks(number)
        outcome = self.outcomes.get(number, Outcome.COMPLETE)
        made = report_of_day(number, self.verdicts.get(number), run_id=run, site=self.site.name, outcome=outcome, exit_code=outcome.exit_code)
        write_report(self.site.reports / run, made)
        return run

    def state(self, run: str) -> DayState:
        """As DayRuns has it."""
        return self.looks[run].pop(0) if self.looks[run] else DayState.OVER

    @property
    def days(self) -> list[str]:
        """What was started, in order."""
        return [deployment for deployment, _ in self.started]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A place in memory."""
    return memory_site(MemoryWorld(), tmp_path)


@pytest.fixture
def said() -> list[str]:
    """What the week told."""
    return []


@pytest.fixture
def week(site: Site, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Week:
    """A week in which every day is built."""
    monkeypatch.setattr(flows.week_day, "is_built", lambda _: True)
    return Week(PLAN, site, WeekFile(site.state, "w"), MemoryRuns(site), said.append, "w", {"plan": "week3", "site": site.name})


def runs_of(week: Week) -> MemoryRuns:
    """The server that the test looks into."""
    assert isinstance(week.runs, MemoryRuns)
    return week.runs


def take(week: Week, *numbers: int) -> None:
    """These days, or all."""
    for one in PLAN.days if not numbers else [PLAN.day(number) for number in numbers]:
        take_day(week, one)


def steps(week: Week) -> dict[int, WeekStep]:
    """How each day stands in the week's file."""
    return {number: entry.step for number, entry in week.file.latest().items()}


def test_a_flag_day_is_told_which_day_it_is(week: Week) -> None:
    """One deployment runs every flag day of a plan; without the day's number it would take the first one twice."""
    plan = named_plan("config-flag")
    (flag,) = [day for day in plan.days if day.change is ChangeKind.FLAG]
    second = flag.model_copy(update={"day": 2, "needs": ()})
    assert _parameters(replace(week, plan=plan), second, None)["day"] == 2
    assert "day" not in _parameters(week, PLAN.day(1), None)


def test_a_run_of_another_day_completes_nothing(week: Week) -> None:
    """Whatever the week's file says, the report says which day it is of."""
    write_report(week.site.reports / "run-1", report_of_day(1, site=week.site.name))
    assert week.completed(PLAN.day(1), "run-1")
    assert not week.completed(PLAN.day(2), "run-1")


def test_all_days_in_order_each_as_a_run_of_its_own(week: Week) -> None:
    """Eight starts, eight ends; the review is told which week it reviews."""
    take(week)
    assert runs_of(week).days == [f"day-{number}" for number in range(8)]
    assert set(steps(week).values()) == {WeekStep.ENDED}
    assert runs_of(week).started[-1][1]["week"] == "w"
    assert "week" not in runs_of(week).started[0][1]


def test_a_day_whose_needs_are_not_met_is_said_and_left_out(week: Week, said: list[str]) -> None:
    """Day 1 without coverage: days 2 and 3 do not start, with the criterion and why; what needs nothing of it goes on."""
    runs_of(week).verdicts[1] = {"D1.5": Standing.NOT_MET}
    take(week)
    assert runs_of(week).days == ["day-0", "day-1", "day-7"]
    assert {number for number, step in steps(week).items() if step is WeekStep.NOT_STARTED} == {2, 3, 4, 5, 6}
    assert any(line.startswith("day 2, ") and "D1.5 is NOT MET" in line for line in said)
    assert any(line.startswith("carried forward: D1.5 NOT MET") for line in said)


def test_what_is_open_elsewhere_stops_nothing(week: Week, said: list[str]) -> None:
    """An impact that is not proven is carried forward and said; day 2 does not need it."""
    runs_of(week).verdicts[1] = {"D1.6": Standing.NOT_PROVEN}
    take(week, 0, 1, 2)
    assert runs_of(week).days == ["day-0", "day-1", "day-2"]
    assert any(line.startswith("carried forward: D1.6 NOT PROVEN") for line in said)


def test_a_person_may_override(week: Week) -> None:
    """The day starts with the person's word among its parameters; its own run records it."""
    runs_of(week).verdicts[1] = {"D1.5": Standing.NOT_MET}
    take(replace(week, overrides={2: Override(name="ann", reason="seen by eye")}), 0, 1, 2)
    assert runs_of(week).started[-1] == ("day-2", {"plan": "week3", "site": "memory", "override": {"name": "ann", "reason": "seen by eye"}})


def test_acknowledgements_go_to_day_0_alone(week: Week) -> None:
    """The checklist is day 0's."""
    take(replace(week, acknowledged=(Acknowledgement(criterion="P.6", name="ann"),)), 0, 1)
    assert [("acknowledged" in parameters) for _, parameters in runs_of(week).started] == [True, False]


def test_a_day_that_is_not_built_is_said(week: Week, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither started nor passed over in silence."""

    def without_5(day: Day) -> bool:
        return day.day != 5

    monkeypatch.setattr(flows.week_day, "is_built", without_5)
    take(week)
    assert steps(week)[5] is WeekStep.NOT_BUILT
    assert any("not built" in line and line.startswith("day 5") for line in said)
    assert "day-5" not in runs_of(week).days


def test_a_held_day_keeps_the_week_waiting(week: Week, said: list[str]) -> None:
    """However long: it is told once, nothing else starts meanwhile, and the week goes on when the run is over."""
    runs_of(week).plan_of_looks = lambda number: [DayState.SUSPENDED] * 500 if number == 1 else []
    take(week, 0, 1, 2)
    assert sum("is held or suspended" in line for line in said) == 1
    assert any("rollout answer run-1-1" in line for line in said)
    assert runs_of(week).days == ["day-0", "day-1", "day-2"]


def test_a_week_whose_process_died_waits_for_the_same_run(week: Week) -> None:
    """The day at work is not started a second time, whether its start was written down or not; complete days are kept."""
    runs = runs_of(week)

    class DiedError(Exception):
        """The process is gone."""

    def dies(run: str) -> DayState:
        raise DiedError(run)

    alive, runs.state = runs.state, dies  # type: ignore[method-assign]
    with pytest.raises(DiedError):
        take(week, 0)
    runs.state = alive  # type: ignore[method-assign]
    take(week, 0, 1)
    assert runs.days == ["day-0", "day-1"]
    unwritten = Week(PLAN, week.site, WeekFile(week.site.state, "v"), runs, week.say, "w", week.parameters)
    take(unwritten, 0)
    assert runs.days == ["day-0", "day-1"]


def test_a_week_that_goes_on_tries_again_what_did_not_complete(week: Week) -> None:
    """A rolled back day is run anew, a complete one is kept, and one that could not start starts when its needs are met now."""
    runs = runs_of(week)
    runs.outcomes[1] = Outcome.ROLLED_BACK
    take(week, 0, 1, 2)
    assert runs.days == ["day-0", "day-1"]
    runs.outcomes.clear()
    take(week, 0, 1, 2)
    assert runs.days == ["day-0", "day-1", "day-1", "day-2"]


def test_a_broken_week_file_is_named(week: Week) -> None:
    """A line that is no entry is an error with its number; a torn last line never was one."""
    take(week, 0)
    with week.file.file.open("a") as stream:
        stream.write('{"at": 1.0, "da')
    assert steps(week)[0] is WeekStep.ENDED
    with week.file.file.open("a") as stream:
        stream.write("\n")
    with pytest.raises(InputError, match="line 3"):
        week.file.entries()
