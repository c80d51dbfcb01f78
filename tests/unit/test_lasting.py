"""A day's last look, on a whole day in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.ledger import Step
from rollout.parameters import OnCancel
from rollout.plan import RollbackScope
from rollout.report import Outcome
from rollout.report_file import read_report
from rollout.verdict import Standing
from tests.fakes.days import MemoryDays
from tests.fakes.happenings import WORLD, What

SICK = "east/Agent0"
BATCHES = 4
"""Of tests/fakes/schedules.yaml: one of one agent, then three of two at most."""


@pytest.mark.parametrize(
    ("how", "outcome"), [("ends and is started again", Outcome.ROLLED_BACK), ("is restarted by somebody", Outcome.COMPLETE), ("", Outcome.COMPLETE)]
)
def test_an_agent_that_ends_by_itself_in_the_soak_of_a_flag_did_not_last(tmp_path: Path, how: str, outcome: Outcome) -> None:
    """Its probes are all answered and no scrape has missed it, and still the flag comes back; a restart that a person asked for is none."""
    days = MemoryDays(tmp_path)
    run = days.new_day(None, OnCancel.HOLD)
    left = [what for what in (how,) if what]

    def in_the_soak(_now: float) -> None:
        decided = [entry for entry in days.watch.ledger(run).entries if entry.step is Step.DECIDED]
        if left and len(decided) == BATCHES:
            WORLD[left.pop()](days, What(how, SICK, 0))

    days.world.clock.on_sleep = in_the_soak
    with days.in_force():
        days.day(run)
    report = read_report(days.site.reports / run)
    assert not left
    assert report is not None
    assert report.outcome is outcome
    assert [SICK in note for note in report.notes if "before the last look" in note] == [True] * bool(how)
    assert days.watch.flags() == dict.fromkeys(days.world.all, outcome is Outcome.COMPLETE)


def test_a_flag_whose_agent_went_back_alone_stays_on_the_others_and_is_not_met(tmp_path: Path) -> None:
    """Where the plan lets one go back alone the day goes on without it, to its end too; that it is not on everywhere is measured, and said."""
    days = MemoryDays(tmp_path)
    run = days.new_day(RollbackScope.AGENT, OnCancel.HOLD)
    WORLD["shows no effect"](days, What("shows no effect", "east/Agent3", 0))
    with days.in_force():
        days.day(run)
    report = read_report(days.site.reports / run)
    assert report is not None
    assert report.outcome is Outcome.COMPLETE
    assert days.watch.flags() == {agent: agent != "east/Agent3" for agent in days.world.all}
    standing = {criterion.id: criterion.verdict for criterion in report.criteria}
    assert (standing["D1.1"], standing["D1.3"]) == (Standing.NOT_MET, Standing.NOT_MET)
