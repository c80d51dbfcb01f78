"""All criteria of a plan, each with what was observed, its verdict and the way to its evidence: computed from stored reports and records alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from rollout.document import Document
from rollout.plan import Criterion, WeekRule
from rollout.report import Outcome
from rollout.report_file import JSON
from rollout.verdict import STANDING_OF, Evidence, Finding, Standing, Verdict
from rollout.week_evidence import StoredWeek

Rule = Callable[["Board", Criterion], Finding]
"""Judges one criterion of the week; it may ask the board for other rows."""
GATE = "scoreboard"
VERDICT_OF = {standing: verdict for verdict, standing in STANDING_OF.items()}


class Link(Document):
    """Where a row's evidence is. report: the file, below the site's state folder; criterion: which entry of it, empty for the whole."""

    run: str
    report: str
    criterion: str = ""


class Row(Document):
    """One criterion. day: whose report judges it, null for the whole week."""

    id: str
    part: str
    kind: str
    statement: str
    bound: str
    day: int | None
    measured_by: str
    observed: str
    verdict: Standing
    sentence: str
    evidence: tuple[Link, ...] = ()


class DayLine(Document):
    """What became of one day. run and outcome are null where no report of it stands."""

    day: int
    title: str
    run: str | None
    outcome: Outcome | None
    sentence: str


class Scoreboard(Document):
    """The week in rows. made: Unix seconds; week: id of the week's run, empty where the newest run of each day was taken."""

    schema_version: Literal[1] = 1
    plan: str
    title: str
    site: str
    week: str
    made: float
    days: tuple[DayLine, ...]
    rows: tuple[Row, ...]
    unknowns: tuple[str, ...] = Field(default=(), description="What could not be read.")

    def counts(self) -> dict[Standing, int]:
        """How many rows have each standing."""
        return {standing: sum(row.verdict is standing for row in self.rows) for standing in Standing}

    def row(self, identity: str) -> Row:
        """The row of that criterion; KeyError where the plan has none."""
        return {row.id: row for row in self.rows}[identity]

    @property
    def exit_code(self) -> int:
        """The most serious of the days' exit codes; a day without a report was refused before anything was touched."""
        return max(day.outcome.exit_code if day.outcome else Outcome.REFUSED.exit_code for day in self.days)


class Board:
    """The rows as far as they are asked for: a rule over other rows asks for them by id."""

    def __init__(self, week: StoredWeek, rules: Mapping[WeekRule, Rule]) -> None:
        self.week = week
        self._rules = rules
        self._rows: dict[str, Row] = {}

    def row(self, identity: str) -> Row:
        """The row of that criterion. Raises Refused for one that the plan does not have."""
        if identity not in self._rows:
            self._rows[identity] = self._judged(self.week.plan.criterion(identity))
        return self._rows[identity]

    def _judged(self, criterion: Criterion) -> Row:
        if criterion.rule is not None:
            links = dict.fromkeys(link for other in criterion.rests_on for link in self.row(other).evidence)
            return _row(criterion, self._rules[criterion.rule](self, criterion), tuple(links))
        if criterion.day is not None:
            return self._of_day(criterion, criterion.day)
        return _row(criterion, _unmeasured(criterion, f"nothing that is built measures it ({criterion.measured_by})"))

    def _of_day(self, criterion: Criterion, day: int) -> Row:
        """What the report that stands for the day says, or why there is none; what was taken back since does not stand any more."""
        week, rehearsed = self.week, self.week.rehearsed.get(criterion.id, ())
        report = week.reports.get(day)
        if report is None:
            return _row(criterion, _worst(rehearsed) if rehearsed else _unmeasured(criterion, week.absent[day]))
        said = next((each for each in report.criteria if each.id == criterion.id), None)
        link = Link(run=report.run_id, report=f"reports/{report.run_id}/{JSON}", criterion=criterion.id)
        if said is None or (said.verdict is Standing.NOT_MEASURED and not rehearsed):
            why = said.sentence if said else f"the report of run {report.run_id} does not speak of it"
            return _row(criterion, _unmeasured(criterion, why, said.observed if said else "not measured"), (link,))
        if said.verdict is Standing.NOT_MEASURED:
            return _row(criterion, _worst(rehearsed), (link,))
        gone = self._taken_back(criterion, day)
        if said.verdict is Standing.MET and gone:
            return _plain(criterion, said.observed, Standing.NOT_MET, f"Was MET and does not stand: {gone}", (link,))
        return _plain(criterion, said.observed, said.verdict, said.sentence, (link,))

    def _taken_back(self, criterion: Criterion, day: int) -> str:
        """Why what the day changed is not there any more; a rollback that was in time stays in time."""
        report = self.week.reports[day]
        if criterion.kind == "rollback" or self.week.plan.day(day).change is None:
            return ""
        if report.outcome is Outcome.ROLLED_BACK:
            return "the day was rolled back"
        if report.outcome is Outcome.ROLLBACK_INCOMPLETE and report.rollback is not None and report.rollback.restored:
            return f"the day was rolled back but for {', '.join(report.rollback.quarantined)}"
        return self.week.undone.get(day, "")


def scoreboard(week: StoredWeek, rules: Mapping[WeekRule, Rule], made: float, week_id: str = "") -> Scoreboard:
    """All rows of the plan in its order. rules: by name; made: Unix seconds."""
    board = Board(week, rules)
    days = []
    for day in week.plan.days:
        report = week.reports.get(day.day)
        said = (report.sentence if report else week.absent[day.day]) + (f" Since then: {week.undone[day.day]}" if day.day in week.undone else "")
        days.append(
            DayLine(day=day.day, title=day.title, run=report.run_id if report else None, outcome=report.outcome if report else None, sentence=said)
        )
    return Scoreboard(
        plan=week.plan.plan,
        title=week.plan.title,
        site=week.site,
        week=week_id,
        made=made,
        days=tuple(days),
        rows=tuple(board.row(criterion.id) for criterion in week.plan.criteria),
        unknowns=week.unreadable,
    )


def findings_of(board: Scoreboard, day: int) -> list[Finding]:
    """The rows that rules judged for that day's own report, each under the name that the plan's `measured_by` has for it."""
    chosen = [row for row in board.rows if row.day == day and row.measured_by == f"{GATE}.{row.id}"]
    reports = sum(line.run is not None for line in board.days)
    return [_as_finding(row, reports, board.made) for row in chosen]


def _as_finding(row: Row, reports: int, now: float) -> Finding:
    """A row as a finding; its evidence are the stored reports and records."""
    query = ", ".join(sorted({link.report for link in row.evidence})) or "the reports that stand, rehearsals.jsonl, checkpoints.jsonl"
    evidence = Evidence("stored reports and records", query, now, now, max(reports, 1))
    return Finding(row.measured_by, VERDICT_OF[row.verdict], row.observed, row.bound, row.sentence, evidence)


def scoreboard_schema() -> dict[str, Any]:
    """The JSON Schema of scoreboard.json; kept in schemas/scoreboard.schema.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scoreboard.model_json_schema()}


def _worst(findings: Iterable[Finding]) -> Finding:
    return max(findings, key=lambda finding: finding.verdict)


def _unmeasured(criterion: Criterion, why: str, observed: str = "not measured") -> Finding:
    return Finding(criterion.id, Verdict.ERROR, observed, criterion.bound, why[:1].upper() + why[1:].rstrip(".") + ".")


def _row(criterion: Criterion, finding: Finding, links: tuple[Link, ...] = ()) -> Row:
    return _plain(criterion, finding.observed, STANDING_OF[finding.verdict], finding.sentence, links)


def _plain(criterion: Criterion, observed: str, verdict: Standing, sentence: str, links: tuple[Link, ...]) -> Row:
    return Row(
        id=criterion.id, part=criterion.part, kind=criterion.kind, statement=criterion.statement, bound=criterion.bound, day=criterion.day,
        measured_by=criterion.measured_by, observed=observed, verdict=verdict, sentence=sentence, evidence=links,
    )  # fmt: skip
