"""Days 1, 2 and 5 on six agents with two hubs: names, targets, dashboards and alerts in one evidence, and what turns each of them against the day."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run
from tests.end_to_end.place import Place

pytestmark = [pytest.mark.lab, pytest.mark.full]


@dataclass(frozen=True)
class Featured:
    """A pair of hubs over six agents that find each other by name."""

    place: Place
    day_5: Run


@pytest.fixture(scope="module")
def featured(lab_of_pair: Place, commands: Commands) -> Featured:
    """The three days, once for all tests of this file."""
    for day in ("day-1", "day-2", "day-5"):
        run = commands.start(lab_of_pair, day)
        assert run.end().code == 0, run.output
    return Featured(lab_of_pair, run)


def test_day_5_is_met_with_evidence(featured: Featured) -> None:
    """Discovery, both hubs, alerts and every tier of the escalation; every dashboard shows something, but for a comparison that six cannot bear."""
    report = featured.day_5.report
    assert report.outcome is Outcome.COMPLETE
    standing = {criterion.id: criterion.verdict for criterion in report.criteria}
    standing.pop("D5.2")
    assert standing == dict.fromkeys(("D5.1", "D5.3", "D5.4", "L.1", "L.2", "L.3", "L.4"), Standing.MET)
    assert all(criterion.samples > 0 for criterion in report.criteria)
    boards = {check.sentence.split(":")[1].strip(): check.verdict for check in report.checks if check.gate == "dashboards"}
    assert len(boards) == 6
    assert {board for board, verdict in boards.items() if verdict != "PASS"} <= {"changed against unchanged"}


def test_a_stale_target_is_named(featured: Featured, commands: Commands) -> None:
    """A target that no agent of the fleet stands for: D5.1 is not MET and says which."""
    file = featured.place.site.machine("mainpc").folder / "targets" / "agents.json"
    before = file.read_text()
    stale = {"targets": ["127.0.12.1:8299"], "labels": {"machine": "mainpc", "agent": "Departed"}}
    file.write_text(json.dumps([*json.loads(before), stale]))
    try:
        run = commands.start(featured.place, "day-5")
        ended = run.end()
    finally:
        file.write_text(before)
    assert ended.code != 0, ended.output
    found = next(criterion for criterion in run.report.criteria if criterion.id == "D5.1")
    assert found.verdict is not Standing.MET
    assert "mainpc/Departed" in found.sentence


def test_with_one_hub_it_does_not_even_start(featured: Featured, commands: Commands) -> None:
    """The authors' own test passed with both hubs off; this one is refused with exit code 2 and touches nobody."""
    pids = featured.place.pids()
    featured.place.fault("hub-dead", "--hub", "edge")
    try:
        run = commands.start(featured.place, "day-5")
        assert run.end().code == 2, run.output
    finally:
        featured.place.fault("clear")
    assert run.report.outcome is Outcome.REFUSED
    assert Standing.MET not in {criterion.verdict for criterion in run.report.criteria}
    assert featured.place.pids() == pids
