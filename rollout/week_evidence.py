"""What is stored of a week on one site: the report that stands for each day, rehearsals and checkpoints. Nothing else is evidence of the week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rollout.checkpoints import Checkpoint, CheckpointFile
from rollout.plan import Plan
from rollout.rehearsals import RehearsalFile
from rollout.report import DayReport, Outcome
from rollout.report_file import read_report
from rollout.verdict import Finding, Standing
from rollout.week_file import WeekFile, WeekStep


@dataclass(frozen=True, slots=True)
class StoredWeek:
    """reports: by day, the one that stands; absent: by day, why there is none; undone: by day, what took its changes back since.

    rehearsed: findings of the record of rehearsals by criterion; unreadable: reports that could not be read, as sentences.
    """

    plan: Plan
    site: str
    reports: Mapping[int, DayReport]
    absent: Mapping[int, str]
    undone: Mapping[int, str]
    rehearsed: Mapping[str, tuple[Finding, ...]]
    checkpoints: tuple[Checkpoint, ...] = ()
    unreadable: tuple[str, ...] = ()


def read_week(state: Path, plan: Plan, site: str, not_built: Iterable[int] = (), told: WeekFile | None = None) -> StoredWeek:
    """The week as the site's state folder tells it. not_built: days without a flow; told: the week whose runs alone count, None for the newest."""
    runs = None if told is None else told.runs()
    left_out = {} if told is None else {day: entry.said for day, entry in told.latest().items() if entry.step is WeekStep.NOT_STARTED}
    unbuilt = set(not_built)
    everything, unreadable = _all_reports(state / "reports")
    ours = [report for report in everything if (report.plan, report.site) == (plan.plan, site)]
    reports: dict[int, DayReport] = {}
    absent: dict[int, str] = {}
    undone: dict[int, str] = {}
    for day in plan.days:
        of_day = [report for report in ours if report.day == day.day]
        wanted = of_day if runs is None else [report for report in of_day if report.run_id == runs.get(day.day)]
        standing = stands(report for report in wanted if report.title == day.title)
        if standing is None:
            why = f", since {left_out[day.day]}" if day.day in left_out else ""
            absent[day.day] = f"day {day.day} is not built" if day.day in unbuilt else f"day {day.day} has not run on site {site}{why}"
            continue
        reports[day.day] = standing
        same = {each.day for each in plan.days if each.change is day.change}  # an emergency takes a kind of change back, whichever day made it
        later = [report for report in ours if report.day in same and report.title != plan.day(report.day).title and report.ended > standing.ended]
        if took_back := [report for report in later if report.rollback and report.rollback.restored]:
            undone[day.day] = took_back[-1].sentence
    record = RehearsalFile(state)
    rehearsed = {criterion.id: tuple(record.findings(criterion.id)) for criterion in plan.criteria}
    return StoredWeek(plan, site, reports, absent, undone, rehearsed, tuple(CheckpointFile(state).entries()), unreadable)


def stands(reports: Iterable[DayReport]) -> DayReport | None:
    """The newest report that says anything; one that was refused before acting stands only where there is no other."""
    telling = [report for report in reports if _tells(report)]
    acted = [report for report in telling if report.outcome is not Outcome.REFUSED]
    return max(acted or telling, key=lambda report: report.started, default=None)


def _tells(report: DayReport) -> bool:
    """A dry run and a refusal for want of the fleet measure nothing."""
    measured = any(criterion.verdict is not Standing.NOT_MEASURED for criterion in report.criteria)
    return measured or bool(report.batches) or report.rollback is not None


def _all_reports(folder: Path) -> tuple[list[DayReport], tuple[str, ...]]:
    """Every report of the folder, oldest first, and the names of those that another version wrote."""
    reports: list[DayReport] = []
    unreadable: list[str] = []
    for place in sorted(folder.iterdir()) if folder.exists() else ():
        try:
            report = read_report(place)
        except ValidationError:
            unreadable.append(f"the report of run {place.name} cannot be read by this version")
            continue
        if report is not None:
            reports.append(report)
    return sorted(reports, key=lambda report: report.started), tuple(unreadable)
