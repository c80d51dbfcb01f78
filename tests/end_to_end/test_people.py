"""A person's part in a run: answers to a held one, orders to one at work, Retry; each heeded, recorded, and no batch done twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rollout.report import Outcome
from tests.end_to_end.commands import Commands, Run, batches, rollout
from tests.end_to_end.place import Place, assert_as_before
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
LAPSE = 100.0
"""Seconds: more than the silence after which a day's run counts as crashed."""


def audit(place: Place, run: Run) -> list[tuple[str, str, str]]:
    """What was said to that run, by whom and why."""
    entries: list[dict[str, Any]] = [json.loads(line) for line in (place.state / "audit.jsonl").read_text().splitlines()]
    return [(entry["said"], entry["name"], entry["reason"]) for entry in entries if entry["run"] == run.id]


def touched(run: Run) -> set[str]:
    """Agents that the run ever meant to change."""
    return {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}


def say(place: Place, run: Run, order: str) -> None:
    """An order by command, which needs no server."""
    said = rollout(order, run.id, "--site", place.name, "--name", "ann", "--reason", "a test")
    assert said.code == 0, said.output


@pytest.fixture
def held(six: Place, commands: Commands) -> Iterator[Run]:
    """A run whose only metrics source died while batch 2 baked; the source is back."""
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    six.fault("prometheus-down")
    ended = run.end()
    six.fault("clear")
    assert ended.code == 4, ended.output
    assert "waits for an answer" in ended.output
    yield run
    commands.settle_leftovers(six)


def test_a_held_run_waits_without_a_process_and_goes_on_where_it_was(six: Place, commands: Commands, held: Run) -> None:
    """Suspended longer than heartbeats may lapse and nobody settles it; extended, it completes, and no agent of before is restarted."""
    commands.automations(on=True)
    try:
        changed, pids = six.active(), six.pids()
        assert commands.state(held.id)["name"] == "Suspended"
        time.sleep(LAPSE)
        assert commands.state(held.id)["name"] == "Suspended"
        assert commands.settlings(held.id) == []
        assert six.active() == changed
    finally:
        commands.automations(on=False)
    answered = commands.answer(held.id, "extend", "the source is back")
    assert answered.code == 0, answered.output
    assert commands.until_state(held.id, *ENDED)["type"] == "COMPLETED"
    assert six.active() == set(six.site.agents)
    now = six.pids()
    assert {agent for agent in changed if now[agent] != pids[agent]} == set()
    report = held.report
    assert report.outcome is Outcome.COMPLETE
    assert [batch.decision for batch in report.batches] == ["promote"] * (len(batches(six)) - 1) + ["complete"]
    assert audit(six, held) == [("extend", "ann", "the source is back")]


def test_a_held_run_that_a_person_promotes_says_so(six: Place, commands: Commands, held: Run) -> None:
    """The batch that could not be measured goes on by that person's word, which stands in the report beside it."""
    answered = commands.answer(held.id, "promote", "seen by eye")
    assert answered.code == 0, answered.output
    assert commands.until_state(held.id, *ENDED)["type"] == "COMPLETED"
    assert six.active() == set(six.site.agents)
    assert [batch.decision for batch in held.report.batches][1] == "promote, by ann: seen by eye"


def test_a_held_run_that_a_person_rejects_comes_back(six: Place, commands: Commands, held: Run) -> None:
    """All of it, verified, with the reason in the report; the answer is not heeded twice, so that a Retry starts clean."""
    changed = six.active()
    assert changed
    answered = commands.answer(held.id, "roll back", "not today")
    assert answered.code == 0, answered.output
    assert commands.until_state(held.id, *ENDED)["type"] == "FAILED"
    assert six.active() == set()
    assert held.report.outcome is Outcome.ROLLED_BACK
    assert "rolled back by ann: not today" in held.report.cause
    commands.retry(held.id)
    eventually(lambda: commands.state(held.id)["type"] not in ENDED, 30)
    assert commands.until_state(held.id, *ENDED)["type"] == "COMPLETED"
    assert six.active() == set(six.site.agents)


def test_a_wrong_answer_and_an_answer_to_nobody_are_refused(six: Place, commands: Commands, held: Run) -> None:
    """A run that is settled meanwhile takes no answer: it would go on where nothing is left."""
    unknown = commands.answer(held.id, "jump", "x")
    assert unknown.code == 2
    settled = commands.settle(six, held.id)
    assert settled.code == 3, settled.output
    answered = commands.answer(held.id, "extend", "too late")
    assert answered.code == 0, answered.output
    assert commands.until_state(held.id, *ENDED)["type"] == "FAILED"
    assert "was settled while it was held" in commands.state(held.id)["message"]
    assert held.report.sentence.startswith("Settled: ")
    assert six.active() == set()


def test_orders_are_heeded_between_agents(six: Place, commands: Commands) -> None:
    """Paused: no further batch. A step: one more. Aborted: everything comes back. All of it stands in the audit file."""
    before = six.seen()
    planned = batches(six)
    run = commands.start(six, "day-1")
    run.until_batch("verified", 1)
    say(six, run, "pause")
    run.until(lambda: any(entry["step"] == "decided" for entry in run.ledger))
    time.sleep(15)
    assert six.active() == set(planned[1])
    say(six, run, "step")
    run.until(lambda: any(entry["step"] == "decided" and entry["batch"] == 2 for entry in run.ledger))
    time.sleep(15)
    assert six.active() == {*planned[1], *planned[2]}
    say(six, run, "abort")
    ended = run.end()
    assert ended.code == 3, ended.output
    assert "aborted by ann: a test" in run.report.cause
    assert_as_before(six, before, touched=touched(run))
    assert [said for said, _, _ in audit(six, run)] == ["pause", "step", "abort"]
    late = rollout("pause", run.id, "--site", six.name, "--name", "ann", "--reason", "too late")
    assert late.code == 2
    assert "is not at work" in late.output


def test_the_panel_in_the_ui_does_the_same(six: Place, commands: Commands) -> None:
    """The control-run deployment: its form's order reaches the run; one to a run that has ended fails."""
    run = commands.start(six, "day-1")
    run.until_batch("verified", 1)
    assert panel(commands, run, "abort") == "COMPLETED"
    assert run.end().code == 3, run.output
    assert six.active() == set()
    assert audit(six, run) == [("abort", "bob", "from the UI")]
    assert panel(commands, run, "pause") == "FAILED"


def panel(commands: Commands, run: Run, order: str) -> str:
    """How a run of control-run with that order ends."""
    deployment = commands.ask("GET", "deployments/name/control-run/control-run").json()["id"]
    form = {"parameters": {"run": run.id, "order": order, "name": "bob", "reason": "from the UI"}}
    started = commands.ask("POST", f"deployments/{deployment}/create_flow_run", {"parameters": form}).json()["id"]
    return str(commands.until_state(started, *ENDED)["type"])


def test_retry_with_scope_batch_keeps_the_batches_before(six: Place, commands: Commands) -> None:
    """An agent of batch 3 lies: its batch alone comes back. Mended and retried, the same run completes, and nobody of before is restarted."""
    planned = batches(six)
    six.fault("lies", "--agents", planned[3][0])
    run = commands.start(six, "day-1", "--rollback-scope", "batch")
    ended = run.end()
    assert ended.code == 4, ended.output
    assert six.active() == {*planned[1], *planned[2]}
    six.fault("clear")
    pids = six.pids()
    commands.retry(run.id)
    eventually(lambda: commands.state(run.id)["type"] not in ENDED, 30)
    assert commands.until_state(run.id, *ENDED)["type"] == "COMPLETED"
    assert six.active() == set(six.site.agents)
    now = six.pids()
    assert {agent for batch in (1, 2) for agent in planned[batch] if now[agent] != pids[agent]} == set()
    assert run.report.outcome is Outcome.COMPLETE
    assert len(run.report.batches) == len(planned)


def test_suspend_and_resume_in_the_ui_lose_nothing(six: Place, commands: Commands) -> None:
    """The UI's Suspend stops a day before its next task, Resume needs no form and goes on; no finished agent is restarted."""
    planned = batches(six)
    run = commands.start(six, "day-1")
    run.until(lambda: any(entry["step"] == "decided" and entry["batch"] == 2 for entry in run.ledger))
    wanted = {"type": "PAUSED", "name": "Suspended", "state_details": {"pause_reschedule": True}}
    commands.ask("POST", f"flow_runs/{run.id}/set_state", {"state": wanted})
    assert run.end().code == 4, run.output
    eventually(lambda: run.ledger[-1]["step"] == "held", 60)
    changed, pids = six.active(), six.pids()
    assert {*planned[1], *planned[2]} <= changed
    assert "suspended in Prefect" in run.report.cause
    commands.ask("POST", f"flow_runs/{run.id}/resume", {})
    assert commands.until_state(run.id, *ENDED)["type"] == "COMPLETED"
    now = six.pids()
    assert {agent for batch in (1, 2) for agent in planned[batch] if now[agent] != pids[agent]} == set()
    assert six.active() == set(six.site.agents)
