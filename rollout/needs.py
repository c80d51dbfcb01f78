"""What a day needs before it starts (plan.md, DEPENDENCIES), answered from stored reports alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rollout.plan import Day, Plan, WeekRule
from rollout.scoreboard import Board, Row, Rule
from rollout.verdict import Standing
from rollout.week_evidence import StoredWeek


def unmet_needs(day: Day, week: StoredWeek, rules: Mapping[WeekRule, Rule], measured: Collection[str] = ()) -> tuple[Row, ...]:
    """The needs that are not MET. measured: gates that the day's own run requires before it touches anything; what they answer needs no report."""
    board = Board(week, rules)
    rows = [board.row(need) for need in day.needs if not measured_here(week.plan, need, measured)]
    return tuple(row for row in rows if row.verdict is not Standing.MET)


def measured_here(plan: Plan, need: str, measured: Collection[str]) -> bool:
    """Whether one of these gates answers that criterion."""
    return plan.criterion(need).measured_by.partition(".")[0] in measured


def told(rows: Collection[Row]) -> str:
    """The unmet needs in one line, each with why."""
    return "; ".join(f"{row.id} is {row.verdict.value} ({row.sentence.rstrip('.')})" for row in rows)
