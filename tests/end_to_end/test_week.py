"""The whole week on six agents: every day is accounted for, every criterion has a row that leads to its evidence, and faults show in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rollout.named_plan import named_plan
from rollout.report import Outcome
from rollout.scoreboard_file import read_scoreboard
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, ledger, rollout
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
    assert {line.run for line in board.days if line.run} <= {entry["run"] for entry in lines if entry["step"] == "ended"}
    rows = {row.id: row for row in board.rows}
    assert rows["D1.5"].verdict is Standing.MET
    assert (six.state / rows["D1.5"].evidence[0].report).exists()
    assert rows["C.3"].verdict in (Standing.MET, Standing.NOT_PROVEN)
    assert rows["C.4"].verdict in (Standing.MET, Standing.NOT_PROVEN)


def test_a_week_with_a_dead_hub_and_a_bad_agent(lab_of_pair: Place, commands: Commands) -> None:
    """The edge hub dies while day 2 moves agents to it, and an agent of day 3 answers errors: both are in the outcome and the rows that they concern.

    Day 2 holds and is taken back by a person's word, day 3 sets the agent back alone and goes on, day 5 is refused without both hubs, and no row of
    theirs claims more.
    """
    week = commands.start(lab_of_pair, "week")
    day_2 = ledger_of(lab_of_pair, week, 2)
    week.until(lambda: any(each.get("change") == "routing" and each["step"] == "verified" for each in ledger(day_2())))
    lab_of_pair.fault("hub-dead", "--hub", "edge")
    week.until(lambda: "day 2 is held" in week.output)
    answered = commands.answer(day_2().parent.name, "roll back", "the edge hub is gone")
    assert answered.code == 0, answered.output
    day_3 = ledger_of(lab_of_pair, week, 3)
    lab_of_pair.fault("clear")
    week.until(lambda: any(each["step"] == "verified" and each.get("batch") for each in ledger(day_3())))
    victim = next(each["agent"] for each in ledger(day_3()) if each["step"] == "verified" and each.get("batch"))
    before = len(ledger(day_3()))
    lab_of_pair.fault("errors", "--percent", "80", "--always", "--agents", victim)
    week.until(lambda: any(each.get("agent") == victim and each["step"] == "reverting" for each in ledger(day_3())[before:]))
    lab_of_pair.fault("clear")
    ended = week.end()

    board = read_scoreboard(lab_of_pair.state / "weeks" / week.id)
    assert board is not None, ended.output
    assert ended.code == board.exit_code != 0
    days, rows = {line.day: line for line in board.days}, {row.id: row for row in board.rows}
    assert days[2].outcome is Outcome.ROLLED_BACK
    assert Standing.MET not in {rows[each].verdict for each in ("D2.1", "D2.2", "D2.3", "D2.4")}
    assert rows["D2.R"].verdict is Standing.MET
    assert days[5].outcome in (Outcome.REFUSED, None)
    assert Standing.MET not in {rows[each].verdict for each in ("D5.1", "D5.2", "D5.3", "D5.4")}
    assert rows["M.3"].verdict is not Standing.MET
    assert victim in rows["D3.R"].sentence
    verified = rollout("verify", str(lab_of_pair.state / "reports" / day_3().parent.name))
    assert verified.code == 0, verified.output
    assert rows["D1.5"].verdict is Standing.MET


def ledger_of(place: Place, week: Run, day: int) -> Callable[[], Path]:
    """Waits until the week has started that day; where that day's ledger is."""
    file = place.state / "weeks" / f"{week.id}.jsonl"

    def started() -> list[str]:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [entry["run"] for line in lines if (entry := json.loads(line))["day"] == day and entry["step"] == "started"]

    week.until(lambda: bool(started()))
    return lambda: place.state / "runs" / started()[0] / "ledger.jsonl"
