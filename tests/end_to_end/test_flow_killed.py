"""Kill -9 of the flow's process on the full fleet: the ledger knows what to bring back, and the fleet stays closed until somebody does."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, batches
from tests.end_to_end.place import Place, assert_as_before

pytestmark = pytest.mark.lab


def test_settle_brings_back_what_a_killed_flow_left(fleet_of_77: Place, commands: Commands) -> None:
    """Killed in batch 3 of 77 agents: other runs are refused, `settle` restores just what was changed, once each, and says so; twice is fine."""
    planned, before = batches(fleet_of_77), fleet_of_77.seen()
    killed = commands.start(fleet_of_77, "day-1")
    killed.until_batch("intended", 3)
    os.kill(json.loads((fleet_of_77.state / "fleets" / "week3.json").read_text())["pid"], signal.SIGKILL)
    ended = killed.end()
    assert ended.code == 4, ended.output
    assert f"rollout settle {killed.id}" in ended.output

    refused = commands.start(fleet_of_77, "day-1")
    assert refused.end().code == 2, refused.output
    assert refused.report.outcome is Outcome.REFUSED
    assert f"run {killed.id} owns fleet week3" in refused.report.cause
    assert f"`rollout settle {killed.id}" in refused.report.cause
    assert refused.ledger == []

    settled = commands.settle(fleet_of_77, killed.id)
    assert settled.code == 3, settled.output
    touched = {entry["agent"] for entry in killed.ledger if entry["step"] == "intended"}  # with the restarted, unchanged ones of the placebo
    changed = {agent for batch in (1, 2, 3) for agent in planned[batch]}
    assert len(changed) == 21
    assert changed <= touched
    assert_as_before(fleet_of_77, before, touched=touched)

    changes = Counter(entry["agent"] for entry in killed.ledger if entry["step"] == "intended" and entry.get("batch"))
    assert set(changes.values()) == {1}
    assert {entry["agent"] for entry in killed.ledger if entry["step"] == "restored"} == touched
    assert killed.ledger[-1]["step"] == "closed"

    report = killed.report
    assert (report.outcome, report.exit_code, report.run_id) == (Outcome.ROLLED_BACK, 3, killed.id)
    assert "died" in report.cause
    assert report.rollback is not None
    assert set(report.rollback.restored) == changed
    assert report.rollback.seconds_to_restored < report.rollback.budget_seconds
    assert {agent.state for agent in report.agents} == {"healthy, metrics off"}
    assert len(report.agents) == 77
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}

    pids = fleet_of_77.pids()
    again = commands.settle(fleet_of_77, killed.id)
    assert again.code == 0, again.output
    assert "nothing to roll back" in again.output
    assert fleet_of_77.pids() == pids
