"""On the fleet of 77, where the judge has enough agents to decide: one bad agent of ten, and all 77 taken back at once."""

from __future__ import annotations

import json

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, batches, rollout
from tests.end_to_end.place import Place, assert_as_before

pytestmark = [pytest.mark.lab, pytest.mark.full]


def test_one_slow_agent_of_ten_is_named_alone_and_the_day_goes_back(fleet_of_77: Place, commands: Commands) -> None:
    """Day 1 forgives no failed agent: the judge blames the one that metrics slow by half, nobody else, and all that was changed comes back."""
    planned, before = batches(fleet_of_77), fleet_of_77.seen()
    slow = planned[2][4]
    fleet_of_77.fault("latency", "--agents", slow, "--percent", "50")
    run = commands.start(fleet_of_77, "day-1")
    ended = run.end()
    assert ended.code == 3, ended.output
    report = run.report
    assert report.outcome is Outcome.ROLLED_BACK
    assert slow in report.cause
    failed = {agent for batch in report.batches for check in batch.checks if check.verdict == "FAIL" for agent in check.agents}
    assert failed == {slow}
    judged = json.loads((run.folder / "judgements.json").read_text())
    assert {"1", "2"} <= judged["batches"].keys()
    touched = {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}
    assert set(planned[1]) | set(planned[2]) <= touched
    assert not set(planned[4]) & touched
    fleet_of_77.fault("clear")
    assert_as_before(fleet_of_77, before, touched=touched)
    assert {criterion.id for criterion in report.criteria if criterion.verdict is Standing.MET} <= {"D1.R"}


def test_all_77_come_back_at_once(fleet_of_77: Place) -> None:
    """The rehearsal of emergency 1 has put metrics on 77 agents, taken them off again and read each back; the record says in how many seconds."""
    before = fleet_of_77.seen()
    ended = rollout("rehearse", "metrics", "--site", fleet_of_77.name, "--name", "ann")
    assert ended.code == 0, ended.output
    assert_as_before(fleet_of_77, before, touched=before)
    after = fleet_of_77.pids()
    assert {identity for identity, state in before.items() if state.pid == after[identity]} == set()
