"""Kill -9 of day 1 at every kind of step that a ledger knows, on six agents: whatever was being written, the fleet comes back whole."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from shutil import rmtree
from typing import Any

import pytest

from rollout.ledger import Step
from rollout.report import Outcome
from rollout.run_ledger import REBUILT
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches
from tests.end_to_end.place import AgentState, Place, assert_as_before

pytestmark = [pytest.mark.lab, pytest.mark.full]


def wrote(step: Step, *, batch: bool = False) -> Callable[[list[dict[str, Any]]], bool]:
    """Whether a ledger holds that step; batch: of an agent in a batch, after the rehearsal on the canary."""
    return lambda entries: any(each["step"] == step.value and (not batch or each.get("batch")) for each in entries)


FORWARD = {
    Step.OPENED: wrote(Step.OPENED),
    Step.INTENDED: wrote(Step.INTENDED, batch=True),
    Step.APPLIED: wrote(Step.APPLIED, batch=True),
    Step.VERIFIED: wrote(Step.VERIFIED, batch=True),
    Step.DECIDED: wrote(Step.DECIDED),
}
"""On the way out."""
BACK = {
    Step.ROLLING_BACK: wrote(Step.ROLLING_BACK),
    Step.REVERTING: lambda entries: wrote(Step.REVERTING)(since_the_verdict(entries)),
    Step.RESTORED: lambda entries: wrote(Step.RESTORED)(since_the_verdict(entries)),
}
"""On the way back, after a batch failed."""
NOT_A_MOMENT = {Step.FOUND, Step.QUARANTINED, Step.HELD, Step.CLOSED}
"""Nothing was changed (found), nobody works any more (held, closed), or the rollback failed (quarantined; tests/unit/test_executor.py)."""


def since_the_verdict(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was written from the start of the rollback on; nothing before it."""
    steps = [each["step"] for each in entries]
    return entries[steps.index(Step.ROLLING_BACK.value) :] if Step.ROLLING_BACK.value in steps else []


def test_no_step_is_left_out() -> None:
    """A step that somebody adds to the ledger is killed here too, or its absence is explained."""
    assert {*FORWARD, *BACK, *NOT_A_MOMENT} == set(Step)


@pytest.mark.parametrize("step", FORWARD)
def test_it_dies_on_the_way_out(six: Place, commands: Commands, step: Step) -> None:
    """`settle` brings back what was changed, nobody was changed twice, and nothing is claimed."""
    before = six.seen()
    run = commands.start(six, "day-1")
    end_when(run, FORWARD[step], signal.SIGKILL)
    settled(commands, run, before)
    assert run.report.outcome is not Outcome.COMPLETE


@pytest.mark.parametrize("step", BACK)
def test_it_dies_on_the_way_back(six: Place, commands: Commands, step: Step) -> None:
    """The verdict that began the rollback stands, and `settle` ends what it began."""
    sick, before = batches(six)[2][0], six.seen()
    six.fault("lies", "--agents", sick)
    run = commands.start(six, "day-1")
    end_when(run, BACK[step], signal.SIGKILL)
    settled(commands, run, before)
    assert run.report.outcome is Outcome.ROLLED_BACK
    assert [batch.decision for batch in run.report.batches] == ["promote", "roll back"]
    assert sick in run.report.cause


def test_it_is_asked_to_end_in_mid_batch(six: Place, commands: Commands) -> None:
    """SIGTERM, as an operating system sends it on its way down: the run brings back what it changed before it goes, and nobody has to settle."""
    before = six.seen()
    run = commands.start(six, "day-1")
    end_when(run, FORWARD[Step.APPLIED], signal.SIGTERM)
    assert run.end().code == 3, run.output
    nobody_is_lost(run, before)
    assert run.report.outcome is Outcome.ROLLED_BACK


def test_it_dies_and_its_ledger_is_lost(six: Place, commands: Commands) -> None:
    """Somebody clears the folder of runs besides: the next day is refused all the same, and `settle` brings back whoever is changed, and says how."""
    before = six.seen()
    run = commands.start(six, "day-1")
    end_when(run, FORWARD[Step.VERIFIED], signal.SIGKILL)
    assert run.end().code == 4, run.output
    rmtree(six.state / "runs")
    refused = commands.start(six, "day-1").end()
    assert (refused.code, f"rollout settle {run.id}" in refused.output) == (2, True), refused.output
    settled(commands, run, before)
    assert REBUILT in run.report.unknowns


def end_when(run: Run, written: Callable[[list[dict[str, Any]]], bool], number: signal.Signals) -> None:
    """That signal to the run's own process as soon as that is in the ledger."""
    run.until(lambda: written(run.ledger))
    os.kill(json.loads((run.place.state / "fleets" / "six.json").read_text())["pid"], number)


def settled(commands: Commands, run: Run, before: Mapping[str, AgentState]) -> None:
    """The command says by its exit code that somebody has to settle; once that is done, nobody is lost and nothing is MET."""
    assert run.end().code == 4, run.output
    ended = commands.settle(run.place, run.id)
    assert ended.code in (0, 3), ended.output
    nobody_is_lost(run, before)
    assert Standing.MET not in {criterion.verdict for criterion in run.report.criteria}


def nobody_is_lost(run: Run, before: Mapping[str, AgentState]) -> None:
    """As before; each agent changed at most once and accounted for; the ledger closed."""
    assert_as_before(run.place, before, touched=before)
    assert max(Counter(each["agent"] for each in run.ledger if each["step"] == "intended" and each.get("batch")).values(), default=0) <= 1
    last = {each["agent"]: each["step"] for each in run.ledger if each.get("agent")}
    assert set(last.values()) <= {"restored", "found as wanted"}
    assert run.ledger[-1]["step"] == "closed"
