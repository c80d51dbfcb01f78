"""The whole week on six agents: every day is accounted for, and every criterion has a row that leads to its evidence."""

from __future__ import annotations

import json

import pytest

from rollout.named_plan import named_plan
from rollout.report import Outcome
from rollout.scoreboard_file import read_scoreboard
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands
from tests.end_to_end.place import Place

pytestmark = [pytest.mark.lab, pytest.mark.full]


def test_a_week_on_six_agents(six: Place, commands: Commands) -> None:
    """Days that may start have run as runs of their own; the scoreboard has all rows and says why for each that is not measured."""
    run = commands.start(six, "week")
    ended = run.end()
    board = read_scoreboard(six.state / "weeks" / run.id)
    assert board is not None, ended.output
    plan = named_plan("week3")
    assert [row.id for row in board.rows] == [criterion.id for criterion in plan.criteria]
    assert ended.code == board.exit_code
    assert all(row.sentence for row in board.rows)
    days = {line.day: line for line in board.days}
    assert (days[0].outcome, days[1].outcome, days[7].outcome) == (Outcome.COMPLETE, Outcome.COMPLETE, Outcome.COMPLETE)
    lines = [json.loads(line) for line in (six.state / "weeks" / f"{run.id}.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {entry["day"] for entry in lines} == set(range(8))
    assert {days[entry["day"]].run for entry in lines if entry["step"] == "ended"} == {line.run for line in board.days if line.run}
    rows = {row.id: row for row in board.rows}
    assert rows["D1.5"].verdict is Standing.MET
    assert (six.state / rows["D1.5"].evidence[0].report).exists()
    assert rows["C.3"].verdict in (Standing.MET, Standing.NOT_PROVEN)
    assert rows["C.4"].verdict in (Standing.MET, Standing.NOT_PROVEN)
