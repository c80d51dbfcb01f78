"""Day 6 on six agents: a fleet that holds, and every way in which a load test must not pass."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lab.processes import environment_of
from rollout.report import DayReport, Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, rollout
from tests.end_to_end.place import Place
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

LEVELS = ("first", "second", "third", "peak")


def d6_1(report: DayReport) -> tuple[Standing, str]:
    """What the report says of the one criterion of the day."""
    (criterion,) = report.criteria
    assert criterion.id == "D6.1"
    return criterion.verdict, criterion.sentence


def until_level(run: Run, level: str) -> None:
    """Waits until that level is being sent."""
    run.until(lambda: f"level {level}:" in run.output)


def generators(place: Place) -> list[int]:
    """Processes of a load generator that write into that place's reports."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if b"rollout.load" in words and any(str(place.state).encode() in word for word in words):
            found.append(int(folder.name))
    return found


def test_a_fleet_that_holds(six: Place, commands: Commands) -> None:
    """Every level that has to hold is sent whole to 6 of 6, measured, and held; no agent is touched, nothing left running, the fleet free again."""
    before = six.seen()
    run = commands.start(six, "day-6")
    ended = run.end()
    report = run.report
    assert (ended.code, report.outcome) == (0, Outcome.COMPLETE), ended.output
    verdict, sentence = d6_1(report)
    assert verdict is Standing.MET
    assert "3 of 3 levels that have to hold held" in sentence
    assert "load.pace 1200 instead of 1" in report.rehearsal
    levels = {level.level: level for level in report.levels}
    assert list(levels)[:3] == list(LEVELS[:3])
    assert list(levels)[-1] == "recovery"
    for name in LEVELS[:3]:
        level = levels[name]
        assert level.held
        assert level.scheduled == round(level.rate * level.seconds) * 6
        assert level.sent >= 0.98 * level.scheduled
        assert 0.02 < (level.p50 or 0) <= (level.p90 or 0) <= (level.p99 or 0) <= (level.p99_9 or 0)
        assert 0 < (level.cpu_cores or 0) < 2 * (os.cpu_count() or 1)
        assert (level.resident_mib or 0) > 6 * 15
        assert level.scrape_success is not None
        assert level.hub_lag is not None
    assert "## Load" in (run.folder / "report.md").read_text()
    verified = rollout("verify", str(run.folder))
    assert verified.code == 0, verified.output
    assert six.seen() == before
    assert not generators(six)
    assert run.ledger[-1]["step"] == "closed"
    assert "intended" not in {entry["step"] for entry in run.ledger}


def test_without_its_hub_it_does_not_even_start(six: Place, commands: Commands) -> None:
    """The load test that this house was built to replace passed with both hubs off. Refused, nothing sent, nothing met."""
    six.fault("prometheus-down")
    run = commands.start(six, "day-6")
    assert run.end().code == 2, run.output
    assert d6_1(run.report)[0] is Standing.NOT_MEASURED
    assert "central cannot be reached" in run.report.cause
    assert run.report.levels == ()


def test_an_unhealthy_agent_keeps_it_from_starting(six: Place, commands: Commands) -> None:
    """6 of 6 healthy or no test."""
    six.fault("never-healthy", "--agents", "pc2/CacheManager", "--always")
    eventually(lambda: six.get("pc2/CacheManager", "/health")[0] == 503)
    run = commands.start(six, "day-6")
    assert run.end().code == 2, run.output
    assert d6_1(run.report)[0] is Standing.NOT_MEASURED
    assert "pc2/CacheManager" in run.report.cause


def test_a_hub_that_goes_down_in_mid_test(six: Place, commands: Commands) -> None:
    """What nobody watched was not measured: the test ends, names the hub, and no level after that counts."""
    run = commands.start(six, "day-6")
    until_level(run, "first")
    six.fault("prometheus-down")
    ended = run.end()
    assert ended.code == 6, ended.output
    assert d6_1(run.report)[0] is Standing.NOT_MEASURED
    assert "central" in d6_1(run.report)[1]
    assert not any(level.held for level in run.report.levels[1:])


def test_an_agent_that_leaks(six: Place, commands: Commands) -> None:
    """Everything else holds, but its memory grows: NOT MET, with its name."""
    six.fault("leak", "--percent", "600", "--agents", "pc2/CacheManager", "--always")
    run = commands.start(six, "day-6")
    assert run.end().code == 6, run.output
    verdict, sentence = d6_1(run.report)
    assert verdict is Standing.NOT_MET
    assert "pc2/CacheManager" in sentence
    assert "MiB" in sentence


def test_errors(six: Place, commands: Commands) -> None:
    """A fifth of one agent's answers are errors: the first level does not hold, and the climb ends there."""
    six.fault("errors", "--percent", "20", "--agents", "mainpc/ServiceRegistry", "--always")
    run = commands.start(six, "day-6")
    assert run.end().code == 6, run.output
    verdict, sentence = d6_1(run.report)
    assert verdict is Standing.NOT_MET
    assert "requests" in sentence
    (criterion,) = run.report.criteria
    assert "mainpc/ServiceRegistry" in sentence or criterion.agents == ("mainpc/ServiceRegistry",)
    assert [level.level for level in run.report.levels] == ["first", "recovery"]


def test_errors_everywhere_end_a_level_at_once(six: Place, commands: Commands) -> None:
    """Every other answer is an error: the level's own stop condition ends it before its time and is named."""
    six.fault("errors", "--percent", "50", "--always")
    run = commands.start(six, "day-6", "--pace", "150")  # a first level of 720 requests; the condition counts the last 500
    assert run.end().code == 6, run.output
    first = run.report.levels[0]
    assert first.ending == "too many requests failed"
    assert first.sent < first.scheduled
    assert d6_1(run.report)[0] is Standing.NOT_MET


def test_an_agent_that_dies(six: Place, commands: Commands) -> None:
    """Its supervisor starts it again within a second; the test still ends and says who did not last."""
    run = commands.start(six, "day-6")
    until_level(run, "second")
    pid = six.pids()["pc2/CacheManager"]
    assert environment_of(pid)
    os.kill(pid, 9)
    ended = run.end()
    assert ended.code == 6, ended.output
    verdict, sentence = d6_1(run.report)
    assert verdict is Standing.NOT_MET
    assert "pc2/CacheManager" in sentence


def test_a_cancelled_run_stops_its_generator_at_once(six: Place, commands: Commands) -> None:
    """Cancel in the UI: within seconds nobody sends any more, and the fleet is free for the next run."""
    run = commands.start(six, "day-6", "--pace", "60")
    until_level(run, "first")
    eventually(lambda: len(generators(six)) == 1, 60)
    run.stop()
    began = time.monotonic()
    eventually(lambda: not generators(six), 5)
    assert time.monotonic() - began < 5
    eventually(lambda: run.ledger[-1]["step"] == "closed", 60)
    assert d6_1(run.report)[0] is Standing.NOT_MEASURED
