"""People and what reaches them, late or not at all: a freeze that opens in mid-run, an answer that never came, an Alertmanager that is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from flows.hold import PATIENCE
from lab.faults.acts import start, stop
from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches, rollout
from tests.end_to_end.place import Place, assert_as_before
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
UNTIL_FROZEN = 60.0
"""Seconds: more than a day of six needs until its first batch is verified."""


@contextmanager
def frozen(place: Place, begins: datetime) -> Iterator[Place]:
    """The same place with a freeze window of an hour in its fleet's file; both copies are there for as long as this lasts."""
    window = f"freezes:\n  - {{from: {begins.isoformat()}, to: {(begins + timedelta(hours=1)).isoformat()}, reason: holidays}}\n"
    site, fleet = (place.file.with_name(f"{name}-frozen.yaml") for name in (place.name, "six"))
    fleet.write_text((place.file.with_name("six.yaml")).read_text() + window)
    site.write_text(place.file.read_text().replace("fleet: six.yaml", f"fleet: {fleet.name}"))
    try:
        yield Place(site)
    finally:
        site.unlink()
        fleet.unlink()


@contextmanager
def without_alertmanager(place: Place) -> Iterator[None]:
    """Nobody can say inside what rings."""
    supervisor = place.supervisor("mainpc")
    stop(supervisor, "lab-alertmanager")
    try:
        yield
    finally:
        start(supervisor, "lab-alertmanager")


def touched(run: Run) -> set[str]:
    """Agents that the run ever meant to change."""
    return {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}


def say(place: Place, run: Run, order: str) -> None:
    """An order by command, which needs no server."""
    said = rollout(order, run.id, "--site", place.name, "--name", "ann", "--reason", "a test")
    assert said.code == 0, said.output


def test_a_freeze_that_opens_in_mid_run_holds_it_after_the_present_batch(six: Place, commands: Commands) -> None:
    """The batch that is done stays, no other is begun, and the cause names the window; who promotes the run knows of it, and it completes."""
    planned, begins = batches(six), datetime.now(UTC) + timedelta(seconds=UNTIL_FROZEN)
    with frozen(six, begins) as place:
        run = commands.start(place, "day-1")
        run.until_batch("verified", 1)
        assert datetime.now(UTC) < begins, "the machine was too slow for this test"
        say(place, run, "pause")
        time.sleep(max(0.0, (begins - datetime.now(UTC)).total_seconds()))
        say(place, run, "resume")
        assert run.end().code == 4, run.output
        report, pids = run.report, six.pids()
        assert report.outcome is Outcome.HELD
        assert "frozen until" in report.cause
        assert "holidays" in report.cause
        assert six.active() == set(planned[1])
        assert [batch.decision for batch in report.batches] == ["promote"]
        assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
        assert run.ledger[-1]["step"] == "held"

        answered = commands.answer(run.id, "promote", "the freeze is not for us")
        assert answered.code == 0, answered.output
        assert commands.until_state(run.id, *ENDED)["type"] == "COMPLETED"
        assert run.report.outcome is Outcome.COMPLETE
        assert six.active() == set(six.site.agents)
        assert {agent for agent in planned[1] if six.pids()[agent] != pids[agent]} == set()
        refused = commands.start(place, "day-1").end()
        assert refused.code == 2
        assert "holidays" in refused.output


def test_without_alertmanager_no_restart_is_begun(six: Place, commands: Commands) -> None:
    """Gone before the start: refused, nobody touched. The report names it, and not a metrics source, which is well."""
    before = six.seen()
    with without_alertmanager(six):
        run = commands.start(six, "day-1")
        assert run.end().code == 2, run.output
        assert run.report.outcome is Outcome.REFUSED
        assert run.report.cause.startswith("no Alertmanager for 10 s")
        assert Standing.MET not in {criterion.verdict for criterion in run.report.criteria}
        assert six.seen() == before
        assert touched(run) == set()


def test_an_alertmanager_that_dies_in_mid_run_holds_the_next_batch(six: Place, commands: Commands) -> None:
    """What was changed stays as it is; nothing is restarted beside alerts that nobody sees. Back again and promoted, the run completes."""
    planned = batches(six)
    run = commands.start(six, "day-1")
    run.until_batch("verified", 1)
    with without_alertmanager(six):
        assert run.end().code == 4, run.output
        report, pids = run.report, six.pids()
        assert report.outcome is Outcome.HELD
        assert report.cause.startswith("no Alertmanager for 10 s")
        assert six.active() == set(planned[1])
        assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
    answered = commands.answer(run.id, "promote", "it is back")
    assert answered.code == 0, answered.output
    assert commands.until_state(run.id, *ENDED)["type"] == "COMPLETED"
    assert six.active() == set(six.site.agents)
    assert {agent for agent in planned[1] if six.pids()[agent] != pids[agent]} == set()


def test_the_way_back_does_not_wait_for_alertmanager(six: Place, commands: Commands) -> None:
    """It dies while a batch is restarted, and the batch fails: all come back; the report says that a silence could not be ended."""
    planned, before = batches(six), six.seen()
    six.fault("lies", "--agents", planned[2][0])
    run = commands.start(six, "day-1")
    run.until_batch("applied", 2)
    with without_alertmanager(six):
        assert run.end().code == 3, run.output
        report = run.report
        assert report.outcome is Outcome.ROLLED_BACK
        assert planned[2][0] in report.cause
        assert any("silences around a restart could not be ended" in unknown for unknown in report.unknowns)
        assert_as_before(six, before, touched={*planned[1], *planned[2]})


def test_a_held_run_that_nobody_answers_in_time(six: Place, commands: Commands) -> None:
    """The server fails it when its seven days are over, here moved to now; the agents stay as they are and nothing is closed.

    An answer after that is refused and says why; settling brings all back.
    """
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("verified", 1)
    with without_alertmanager(six):
        assert run.end().code == 4, run.output
    changed, report = six.active(), run.report
    state = commands.state(run.id)
    waits = datetime.fromisoformat(state["state_details"]["pause_timeout"]) - datetime.fromisoformat(state["timestamp"])
    assert abs(waits.total_seconds() - PATIENCE) < 60
    over = {"state_details": state["state_details"] | {"pause_timeout": datetime.now(UTC).isoformat()}}
    same = {key: state[key] for key in ("type", "name", "message")}
    commands.ask("POST", f"flow_runs/{run.id}/set_state", {"state": same | over, "force": True})
    assert commands.until_state(run.id, *ENDED, seconds=60)["type"] == "FAILED"

    assert six.active() == changed
    assert changed
    assert run.ledger[-1]["step"] == "held"
    assert run.report == report
    late = commands.answer(run.id, "promote", "sorry, I was away")
    assert late.code == 2, late.output
    assert f"run {run.id}" in late.output
    assert "Traceback" not in late.output
    assert six.active() == changed
    settled = commands.settle(six, run.id)
    assert settled.code == 3, settled.output
    assert run.report.sentence.startswith("Settled: ")
    eventually(lambda: run.ledger[-1]["step"] == "closed")
    assert_as_before(six, before, touched=touched(run))
