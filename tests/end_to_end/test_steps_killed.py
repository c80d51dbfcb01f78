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

from rollout.changes.environment import EDITED
from rollout.ledger import Step
from rollout.report import Outcome
from rollout.run_ledger import REBUILT
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches
from tests.end_to_end.place import AgentState, Place, assert_as_before
from tests.lab.world_of_six import eventually

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


def since_the_verdict(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was written from the start of the rollback on; nothing before it."""
    steps = [each["step"] for each in entries]
    return entries[steps.index(Step.ROLLING_BACK.value) :] if Step.ROLLING_BACK.value in steps else []


@pytest.mark.parametrize("step", FORWARD)
def test_it_dies_on_the_way_out(six: Place, commands: Commands, step: Step) -> None:
    """`settle` brings back what was changed, nobody was changed twice, and nothing is claimed."""
    before = six.seen()
    run = commands.start(six, "day-1")
    end_when(run, FORWARD[step], signal.SIGKILL)
    settled(commands, run, before)
    assert run.report.outcome is not Outcome.COMPLETE
    assert [batch.model_dump(mode="json") for batch in run.report.batches] == verdicts(run)
    assert [batch.decision for batch in run.report.batches] == (["promote"] if step is Step.DECIDED else [])


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


def test_it_dies_when_it_is_held(six: Place, commands: Commands) -> None:
    """Nobody can answer it any more, and nothing else is lost: its report stands, the agents are as it says, and `settle` brings them back."""
    planned, before = batches(six), six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    six.fault("prometheus-down")
    end_when(run, wrote(Step.HELD), signal.SIGKILL)
    commands.until_state(run.id, "CRASHED")
    assert run.end().code == 4, run.output
    report = run.report
    assert report.outcome is Outcome.HELD
    assert "metrics source" in report.cause
    assert six.active() == {agent.agent for agent in report.agents if agent.state == "healthy, metrics on"} == {*planned[1], *planned[2]}
    six.fault("clear")
    settled(commands, run, before)
    assert (run.report.outcome, run.report.cause) == (Outcome.ROLLED_BACK, report.cause)
    assert [batch.model_dump(mode="json") for batch in run.report.batches] == verdicts(run)


def test_it_dies_when_somebody_is_in_quarantine(six: Place, commands: Commands) -> None:
    """`settle` names who is left behind and why, however often; what sent the batch back stands, and once the cause is gone all are back."""
    sick, left = batches(six)[2]
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    edit(six, left, "stopwaitsecs=5", "stopwaitsecs=6")
    six.fault("never-healthy", "--agents", sick)
    end_when(run, wrote(Step.QUARANTINED), signal.SIGKILL)
    assert run.end().code == 4, run.output
    incomplete = commands.settle(six, run.id)
    assert incomplete.code == 5, incomplete.output
    report = run.report
    assert (report.outcome, report.exit_code) == (Outcome.ROLLBACK_INCOMPLETE, 5)
    assert sick in report.cause
    assert [batch.decision for batch in report.batches] == ["promote", "roll back"]
    assert report.rollback is not None
    assert report.rollback.quarantined == {left: EDITED}
    assert six.active() == set()

    edit(six, left, "stopwaitsecs=6", "stopwaitsecs=5")
    reload(six, left)
    six.fault("clear")
    ended = commands.settle(six, run.id)
    assert ended.code == 3, ended.output
    nobody_is_lost(run, before)
    assert (run.report.outcome, run.report.cause) == (Outcome.ROLLED_BACK, report.cause)


def test_it_dies_when_all_is_done_and_the_next_one_when_it_has_found_that(six: Place, commands: Commands) -> None:
    """A day that was closed is complete, whatever became of its process; and what another one found as wanted is not its own to bring back."""
    done = commands.start(six, "day-1")
    end_when(done, wrote(Step.CLOSED), signal.SIGKILL)
    commands.until_state(done.id, "CRASHED")
    assert done.end().code == 0, done.output
    report, after = done.report, six.seen()
    assert report.outcome is Outcome.COMPLETE
    assert {identity for identity, state in after.items() if state.metrics == 200} == set(six.site.agents)
    nothing = commands.settle(six, done.id)
    assert (nothing.code, "nothing to roll back" in nothing.output) == (0, True), nothing.output

    found = commands.start(six, "day-1")
    end_when(found, wrote(Step.FOUND), signal.SIGKILL)
    assert found.end().code == 4, found.output
    ended = commands.settle(six, found.id)
    assert ended.code == 3, ended.output
    assert six.seen() == after
    assert done.report == report
    assert {agent.step for agent in found.report.agents} == {Step.FOUND.value}
    assert {agent.state for agent in found.report.agents} == {"healthy, metrics on"}
    assert found.report.rollback is not None
    assert found.report.rollback.restored == ()
    assert Standing.MET not in {criterion.verdict for criterion in found.report.criteria}
    assert found.ledger[-1]["step"] == "closed"


ELSEWHERE = {
    Step.HELD: test_it_dies_when_it_is_held,
    Step.QUARANTINED: test_it_dies_when_somebody_is_in_quarantine,
    Step.CLOSED: test_it_dies_when_all_is_done_and_the_next_one_when_it_has_found_that,
    Step.FOUND: test_it_dies_when_all_is_done_and_the_next_one_when_it_has_found_that,
}
"""Steps after which something else is true than that all are brought back."""


def test_no_step_is_left_out() -> None:
    """A step that somebody adds to the ledger has to be killed here too."""
    assert {*FORWARD, *BACK, *ELSEWHERE} == set(Step)


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
    """That signal to the run's own process as soon as that is in the ledger; its pid is read before, since who has ended has given it back."""
    run.until(lambda: bool(run.ledger))
    pid = json.loads((run.place.state / "fleets" / "six.json").read_text())["pid"]
    run.until(lambda: written(run.ledger))
    os.kill(pid, number)


def settled(commands: Commands, run: Run, before: Mapping[str, AgentState]) -> None:
    """The command says by its exit code that somebody has to settle; once that is done, nobody is lost and nothing is MET."""
    assert run.end().code == 4, run.output
    ended = commands.settle(run.place, run.id)
    assert ended.code in (0, 3), ended.output
    nobody_is_lost(run, before)
    assert Standing.MET not in {criterion.verdict for criterion in run.report.criteria}


def verdicts(run: Run) -> list[Any]:
    """What the ledger says was decided, batch by batch, as the run itself put it."""
    return [each["facts"]["report"] for each in run.ledger if each["step"] == Step.DECIDED.value]


def edit(place: Place, identity: str, old: str, new: str) -> None:
    """Somebody edits an agent's program file, without telling supervisord."""
    agent = place.agent(identity)
    file = place.site.machine(agent.machine).programs / f"{agent.name}.conf"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def reload(place: Place, identity: str) -> None:
    """Somebody restarts an agent from its program file, as it is meant to be done."""
    agent = place.agent(identity)
    supervisor = place.supervisor(agent.machine)
    supervisor.call("supervisor.reloadConfig")
    supervisor.call("supervisor.stopProcess", agent.name)
    supervisor.call("supervisor.removeProcessGroup", agent.name)
    supervisor.call("supervisor.addProcessGroup", agent.name)
    eventually(lambda: place.health(identity).get("status") == "ok")


def nobody_is_lost(run: Run, before: Mapping[str, AgentState]) -> None:
    """As before; each agent changed at most once and accounted for; the ledger closed."""
    assert_as_before(run.place, before, touched=before)
    assert max(Counter(each["agent"] for each in run.ledger if each["step"] == "intended" and each.get("batch")).values(), default=0) <= 1
    last = {each["agent"]: each["step"] for each in run.ledger if each.get("agent")}
    assert set(last.values()) <= {"restored", "found as wanted"}
    assert run.ledger[-1]["step"] == "closed"
