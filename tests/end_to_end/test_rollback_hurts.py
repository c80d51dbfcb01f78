"""A rollback that something keeps from ending well: who does not come back is named, everybody else is back, and nothing unmeasured is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rollout.executor import TRIES
from rollout.report import Outcome
from rollout.report_file import read_report
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches, rollout
from tests.end_to_end.place import Place, assert_as_before

pytestmark = [pytest.mark.lab, pytest.mark.full]


def intended(run: Run) -> list[str]:
    """Agents that the run meant to change, each time."""
    return [entry["agent"] for entry in run.ledger if entry["step"] == "intended" and entry.get("batch")]


def program_file(place: Place, identity: str) -> Path:
    """Where the agent's program is configured."""
    return place.site.machine(place.agent(identity).machine).programs / f"{place.agent(identity).name}.conf"


@contextmanager
def edited_by_somebody(place: Place, *agents: str) -> Iterator[None]:
    """Inside these agents' programs are configured otherwise than before, by a person's hand."""
    for agent in agents:
        _swap(program_file(place, agent), "priority=500", "priority=501")
    try:
        yield
    finally:
        for agent in agents:
            _swap(program_file(place, agent), "priority=501", "priority=500")


def _swap(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_one_agent_does_not_come_back(six: Place, commands: Commands) -> None:
    """Somebody edits the programs of a changed agent and of an untouched one: exit code 5, the first is in quarantine by name, all others are back.

    The fleet stays owned. With the files as they were a settle, which needs no Prometheus, brings the agent back and says what it did not measure.
    """
    planned, before = batches(six), six.seen()
    lying, edited = planned[2][0], planned[1][0]
    machines = {agent.partition("/")[0] for agent in (*planned[1], *planned[2])}
    neighbour = next(agent for agent in (*planned[3], *planned[4]) if agent.partition("/")[0] in machines)
    six.fault("lies", "--agents", lying)
    run = commands.start(six, "day-1")
    run.until_batch("applied", 2)
    with edited_by_somebody(six, edited, neighbour):
        assert run.end().code == 5, run.output

        report, others = run.report, {*planned[1], *planned[2]} - {edited}
        assert (report.outcome, report.exit_code) == (Outcome.ROLLBACK_INCOMPLETE, 5)
        assert report.rollback is not None
        assert set(report.rollback.quarantined) == {edited}
        assert "on disk is not what it was" in report.rollback.quarantined[edited]
        assert set(report.rollback.restored) == others
        assert edited in report.sentence
        assert lying in report.cause
        by_id = {criterion.id: criterion for criterion in report.criteria}
        assert (by_id["D1.R"].verdict, by_id["D1.R"].agents) == (Standing.NOT_MET, (edited,))
        assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
        assert six.active() == set()
        after = six.seen()
        assert {identity for identity in others if after[identity].settings != before[identity].settings} == set()
        asked = rollout("status", "--site", six.name, "--json")
        assert (asked.code, json.loads(asked.output)["reasons"]) == (1, [f"left in quarantine by run {run.id}: {edited}"])
        refused = commands.start(six, "day-1").end()
        assert refused.code == 2
        assert run.id in refused.output

    six.fault("prometheus-down")
    settled = commands.settle(six, run.id)
    assert settled.code == 3, settled.output
    six.fault("clear")
    report = run.report
    assert (report.outcome, report.exit_code) == (Outcome.ROLLED_BACK, 3)
    assert report.rollback is not None
    assert (report.rollback.restored, report.rollback.quarantined) == ((edited,), {})
    assert report.rollback.baseline.startswith("not measured")
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
    assert run.ledger[-1]["step"] == "closed"
    assert_as_before(six, before, touched=intended(run))


def test_an_agent_whose_prior_state_is_bad_too(six: Place, commands: Commands) -> None:
    """It crashes with the flag and without: one act forward and never another, a few restarts back, and it is named; all others are as they were.

    Its program stands on disk as it did, and once it can start, a settle finds it restored.
    """
    planned, before = batches(six), six.seen()
    dying = planned[2][0]
    own = program_file(six, dying).read_text()
    six.fault("crash-at-start", "--always", "--agents", dying)
    run = commands.start(six, "day-1")
    assert run.end().code == 5, run.output

    report = run.report
    assert report.outcome is Outcome.ROLLBACK_INCOMPLETE
    assert report.rollback is not None
    assert set(report.rollback.quarantined) == {dying}
    assert "process" in report.rollback.quarantined[dying]
    assert set(report.rollback.restored) == {*planned[1], *planned[2]} - {dying}
    assert dying in report.cause
    assert dying in report.sentence
    (seen,) = (agent for agent in report.agents if agent.agent == dying)
    assert (seen.step, seen.verified) == ("quarantined", False)
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
    assert sorted(intended(run)) == sorted([*planned[1], *planned[2]])
    back = [entry for entry in run.ledger if entry["step"] == "reverting" and entry["agent"] == dying]
    assert len(back) == TRIES
    assert six.features(dying) == {}
    assert program_file(six, dying).read_text() == own
    for agent in {*six.site.agents} - {dying}:
        assert (six.get(agent, "/metrics")[0], six.get(agent, "/health")[0]) == (404, 200)

    six.fault("clear")
    settled = commands.settle(six, run.id)
    assert settled.code == 3, settled.output
    assert_as_before(six, before, touched=intended(run))


@pytest.mark.parametrize("scope", ["batch", "day"])
def test_an_abort_during_a_rollback(six: Place, commands: Commands, scope: str) -> None:
    """Nobody is kept from coming back by it, and a rollback of one batch becomes one of all; the report has the gate's reason and the person's."""
    planned, before = batches(six), six.seen()
    sick = planned[2][0]
    run = commands.start(six, "day-1", "--rollback-scope", scope)
    run.until_batch("verified", 2)
    six.fault("errors", "--percent", "60", "--agents", sick)
    run.until(lambda: any(each["step"] == "rolling back" for each in run.ledger))
    said = rollout("abort", run.id, "--site", six.name, "--name", "ann", "--reason", "stop it all")
    assert said.code == 0, said.output
    six.fault("clear")
    assert run.end().code == 3, run.output

    report, changed = run.report, {*planned[1], *planned[2]}
    assert report.outcome is Outcome.ROLLED_BACK
    assert sick in report.cause
    assert [(said.said, said.name, said.reason) for said in report.people] == [("abort", "ann", "stop it all")]
    assert report.rollback is not None
    assert sick in report.rollback.cause
    assert ("then aborted by a person" in report.rollback.cause) is (scope == "batch")
    assert set(report.rollback.restored) == changed
    assert report.rollback.quarantined == {}
    assert f"{len(changed)} agents restored" in report.sentence
    assert run.ledger[-1]["step"] == "closed"
    assert_as_before(six, before, touched=changed)


def test_a_run_rolls_back_by_itself_while_prometheus_is_down(six: Place, commands: Commands) -> None:
    """The witnesses fail the batch and bring all back without it; that they are back at the baseline was not measured, and nobody says so."""
    planned, before = batches(six), six.seen()
    lying = planned[2][0]
    six.fault("lies", "--agents", lying)
    run = commands.start(six, "day-1")
    run.until_batch("applied", 2)
    six.fault("prometheus-down")
    assert run.end().code == 3, run.output
    assert six.active() == set()
    report = run.report
    assert report.outcome is Outcome.ROLLED_BACK
    assert lying in report.cause
    assert report.rollback is not None
    assert set(report.rollback.restored) == {*planned[1], *planned[2]}
    assert "could not be measured" in report.rollback.baseline
    assert report.rollback.seconds_to_healthy is None
    by_id = {criterion.id: criterion for criterion in report.criteria}
    assert by_id["D1.R"].verdict is Standing.NOT_MEASURED
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
    assert report.alert.level == "RED"
    six.fault("clear")
    assert_as_before(six, before, touched=intended(run))


def test_an_emergency_while_prometheus_is_down(six: Place, commands: Commands) -> None:
    """Metrics go off by the witnesses' word alone, exit code 0; that the fleet is back at its baseline is NOT MEASURED."""
    on = sorted(six.site.agents)[:2]
    for agent in on:
        six.activate(agent)
    six.fault("prometheus-down")
    called = rollout("emergency", "metrics", "--site", six.name, "--name", "ann", "--reason", "too slow")
    assert called.code == 0, called.output
    assert six.active() == set()
    report = max((read for folder in (six.state / "reports").iterdir() if (read := read_report(folder))), key=lambda read: read.started)
    assert (report.outcome, report.cause) == (Outcome.COMPLETE, "too slow")
    assert report.rollback is not None
    assert sorted(report.rollback.restored) == on
    assert report.rollback.seconds_to_healthy is None
    assert report.rollback.baseline.startswith("all restored agents are healthy; their latency ")  # ... has no baseline, or could not be measured
    assert [(criterion.id, criterion.verdict) for criterion in report.criteria] == [("E1", Standing.NOT_MEASURED)]
    six.fault("clear")
