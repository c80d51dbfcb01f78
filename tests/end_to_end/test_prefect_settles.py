"""Rollback that survives what happens to a flow run: the server's automations settle what the run itself could not."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import datetime

import pytest

from rollout.report import Outcome
from tests.end_to_end.commands import Commands, Run
from tests.end_to_end.place import Place, assert_as_before
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

PATIENCE = 120.0


@pytest.fixture(autouse=True)
def watched(commands: Commands) -> Iterator[None]:
    """The automations are on for these tests."""
    commands.automations(on=True)
    yield
    commands.automations(on=False)


def settled_as(commands: Commands, run: str) -> str:
    """The name of the state in which the automation's settling ended, once it did; of several one at most has found anything to do."""
    ended: list[str] = []

    def all_ended() -> bool:
        states = [each["state"] for each in commands.settlings(run)]
        ended[:] = [state["name"] for state in states if state["type"] in {"COMPLETED", "FAILED", "CRASHED"}]
        return 0 < len(ended) == len(states)

    eventually(all_ended, PATIENCE)
    names = list(ended)  # the server may start another one now, which finds nothing to do
    (name,) = set(names) - {"NothingToRollBack"} or {"NothingToRollBack"}
    assert name == "NothingToRollBack" or names.count(name) == 1
    return str(name)


def touched(run: Run) -> set[str]:
    """Agents that the run meant to change."""
    return {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}


def test_a_killed_flow_is_settled_within_seconds(six: Place, commands: Commands) -> None:
    """Kill -9 in batch 2: nobody does anything, and the fleet is restored and verified soon after Crashed (goal 20 s; see RESULTS.md)."""
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("intended", 2)
    os.kill(json.loads((six.state / "fleets" / "six.json").read_text())["pid"], signal.SIGKILL)
    run.end()
    assert settled_as(commands, run.id) == "RolledBack"
    assert_as_before(six, before, touched=touched(run))
    assert run.ledger[-1]["step"] == "closed"
    assert run.report.outcome is Outcome.ROLLED_BACK
    crashed = datetime.fromisoformat(commands.state(run.id)["timestamp"]).timestamp()
    assert run.ledger[-1]["at"] - crashed < PATIENCE / 2


def test_a_cancelled_flow_brings_back_by_itself_and_settling_finds_nothing(six: Place, commands: Commands) -> None:
    """Cancelled during a bake: the flow rolls back, and the automation's settling ends as NothingToRollBack."""
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    run.stop()
    assert settled_as(commands, run.id) == "NothingToRollBack"
    assert_as_before(six, before, touched=touched(run))
    assert run.report.outcome is Outcome.ROLLED_BACK
