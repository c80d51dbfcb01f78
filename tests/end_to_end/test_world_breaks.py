"""Day 1 while the world around the agents breaks: it ends in a verified state with the right exit code, and whatever was left is settled."""

from __future__ import annotations

import time

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches
from tests.end_to_end.place import Place, assert_as_before

pytestmark = [pytest.mark.lab, pytest.mark.full]


def intended(run: Run) -> set[str]:
    """Agents that the run ever meant to change."""
    return {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}


def test_prometheus_dies_while_a_batch_bakes(six: Place, commands: Commands) -> None:
    """Held with exit code 4 and every agent where the report says it is; settling, which needs no Prometheus, brings all back."""
    planned, before = batches(six), six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    six.fault("prometheus-down")
    assert run.end().code == 4, run.output
    report = run.report
    assert report.outcome is Outcome.HELD
    assert "metrics source" in report.cause
    assert f"rollout settle {run.id}" in report.sentence
    assert six.active() == {*planned[1], *planned[2]}
    assert {agent.agent for agent in report.agents if agent.state == "healthy, metrics on"} == six.active()
    assert all(agent.verified for agent in report.agents)
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}

    settled = commands.settle(six, run.id)
    assert settled.code == 3, settled.output
    six.fault("clear")
    assert_as_before(six, before, touched=intended(run))


def test_prometheus_is_down_before_the_start(six: Place, commands: Commands) -> None:
    """Refused with exit code 2 before anything is touched: every process and file is what it was, and the ledger intends nothing."""
    before = six.seen()
    six.fault("prometheus-down")
    run = commands.start(six, "day-1")
    assert run.end().code == 2, run.output
    assert run.report.outcome is Outcome.REFUSED
    assert "metrics source" in run.report.cause
    assert Standing.MET not in {criterion.verdict for criterion in run.report.criteria}
    assert six.seen() == before
    assert intended(run) == set()


@pytest.mark.parametrize("day", ["day-0", "day-1"])
def test_partial_data_is_never_met(six: Place, commands: Commands, day: str) -> None:
    """Without the process exporter of one machine there is no whole baseline: nothing that rests on it is MET and nobody is touched."""
    before = six.seen()
    six.fault("exporter-dead", "--machine", "pc2")
    run = commands.start(six, day)
    assert run.end().code == 2, run.output
    by_id = {criterion.id: criterion.verdict for criterion in run.report.criteria}
    assert Standing.MET not in {by_id[each] for each in ("D0.3", "D0.4", "P.4", "D1.1", "D1.2", "D1.5", "D1.6", "D1.7") if each in by_id}
    assert six.seen() == before
    assert intended(run) == set()


def test_somebody_else_restarts_an_agent(six: Place, commands: Commands) -> None:
    """Drift on an agent that was not to be touched yet holds the rollout with its name; settling leaves that agent alone."""
    planned, before = batches(six), six.seen()
    stranger = planned[4][0]
    run = commands.start(six, "day-1")
    run.until_batch("verified", 1)
    six.fault("restarted", "--agents", stranger)
    assert run.end().code == 4, run.output
    assert stranger in run.report.cause
    assert "somebody else" in run.report.cause
    assert six.active() <= {*planned[1], *planned[2]}
    pid = six.pids()[stranger]

    settled = commands.settle(six, run.id)
    assert settled.code == 3, settled.output
    assert six.pids()[stranger] == pid
    assert_as_before(six, before, touched={*intended(run), stranger})


def test_somebody_else_restarts_an_agent_that_bakes(six: Place, commands: Commands) -> None:
    """No failure of that agent: its window is marked and extended once, the report names it, and the day completes."""
    stranger = batches(six)[2][0]
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    time.sleep(1.5)
    six.fault("restarted", "--agents", stranger)
    assert run.end().code == 0, run.output
    report = run.report
    assert [batch.extensions for batch in report.batches] == [0, 1, 0, 0]
    assert any(stranger in note and "restarted by somebody else" in note for note in report.notes)
    assert {criterion.id: criterion.verdict for criterion in report.criteria}["D1.8"] is Standing.MET
    assert six.active() == set(six.site.agents)


def test_a_supervisord_is_killed(six: Place, commands: Commands) -> None:
    """Whatever the run makes of it, its exit code and report are true; with the orphans swept and the run settled all agents are as before."""
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("intended", 2)
    six.fault("supervisord-killed", "--machine", "pc2", "--back-after", "5")
    code = run.end().code
    report = run.report
    assert code == report.exit_code
    assert code in (3, 4, 5), run.output
    if code == 3:
        assert {agent.agent for agent in report.agents if "metrics on" in agent.state} == set()
    else:
        assert "pc2/" in report.sentence
    six.fault("clear")
    settled = commands.settle(six, run.id)
    assert settled.code == (0 if code == 3 else 3), settled.output
    after = six.seen()
    assert {identity for identity, state in after.items() if state.metrics != 404} == set()
    for identity, state in after.items():
        assert (state.program, state.flags) == (before[identity].program, before[identity].flags), identity


def test_two_runs_at_once(six: Place, commands: Commands) -> None:
    """One wins and completes; the other is refused with exit code 2, says who holds the fleet and touches nothing."""
    first = commands.start(six, "day-1")
    first.until_batch("verified", 1)
    second = commands.start(six, "day-1")
    refused = second.end()
    assert refused.code == 2, refused.output
    assert first.id in refused.output
    assert second.ledger == []
    assert first.end().code == 0, first.output
    assert six.active() == set(six.site.agents)
