"""Day 1 on six agents that is told by a Prometheus whose answers go bad: from the start, or while batch 2 bakes.

Every case ends held or refused for what really happened, with the agents where the report says they are and nothing MET; then settling brings all
back, with the answers as bad as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run
from tests.end_to_end.place import AgentState, Place, assert_as_before
from tests.end_to_end.spoiler import Reply, Spoil, Spoiler, behind, spoiler
from tests.end_to_end.test_blind_sources import told_by
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

ERRORS = "of every agent's requests fail:"
RENAMED = "a metric renamed"


def every_value(value: str) -> Spoil:
    """Every value is that one; the moments of the newest samples stay right, so that a gate has to see it."""
    return lambda reply: reply if reply.about_freshness else reply.with_values(lambda _: value)


def without(series: str = "") -> Spoil:
    """Nothing is found of what has that name, or of anything."""
    return lambda reply: reply.with_series([]) if series in reply.query and not reply.about_freshness else reply


def in_part(reply: Reply) -> Reply:
    """All that is there, with a word that it may not be all."""
    return replace(reply, body=reply.body | {"warnings": ["remote store is away"]})


def impossible(reply: Reply) -> Reply:
    """The query is understood and cannot be carried out."""
    return Reply(reply.query, 422, {"status": "error", "errorType": "execution", "error": "many-to-many matching not allowed"})


def only_elsewhere(reply: Reply) -> Reply:
    """What clients see of the agents of pc2 is not told."""
    return reply.with_series([each for each in reply.series if each["metric"].get("machine") != "pc2"]) if "load_" in reply.query else reply


def slow(reply: Reply) -> Reply:
    """A byte now and then, for ever."""
    return replace(reply, slow=True)


def nobody_asked(reply: Reply) -> Reply:
    """The counters stand still, and a share of no requests is not a number."""
    return reply.with_values(lambda _: "NaN") if "load_errors_total" in reply.query else reply


def one_error_in_three(reply: Reply) -> Reply:
    """Each agent was asked three times, and one of the three failed."""
    if "load_requests_total" not in reply.query:
        return reply
    return reply.with_values(lambda _: "0.333" if "load_errors_total" in reply.query else "3")


SPOILED: dict[str, tuple[Spoil, str]] = {
    "an answer in part": (in_part, "answers in part only: remote store is away"),
    "422": (impossible, "many-to-many matching not allowed"),
    "slow": (slow, "does not answer in time"),
    "three minutes behind": (behind(), "is stale: its newest sample of"),
    "three minutes behind on one machine": (behind("pc2"), "is stale: its newest sample of pc2 is 18"),
    "NaN": (every_value("NaN"), "3 of 3 not seen"),
    "+Inf": (every_value("+Inf"), "3 of 3 not seen"),
    "an empty vector": (without(), "3 of 3 not seen"),
    RENAMED: (without("rollout_process_count"), "processes"),
    "another metric renamed": (without("load_errors_total"), f"{ERRORS} not shown, there is no row to judge"),
    "no request": (nobody_asked, f"{ERRORS} 0 of 3; 3 of 3 not measured"),
    "one error in three requests": (one_error_in_three, f"{ERRORS} 0 of 3; not so for"),
    "callers of one machine unseen": (only_elsewhere, f"{ERRORS} 2 of 3; 1 of 3 not measured: pc2/CacheManager"),
}
"""What becomes of the answers while a batch bakes, and what the cause then has to say."""
FROM_THE_START = {
    **{what: SPOILED[what] for what in ("an answer in part", "slow", "three minutes behind on one machine")},
    "NaN": (every_value("NaN"), "gate baseline could not be judged"),
}


@pytest.fixture
def proxy(six: Place) -> Iterator[Spoiler]:
    """Before the lab's own Prometheus."""
    hub = six.site.hubs[0]
    with spoiler(f"http://{hub.address}:{hub.port}") as before:
        yield before


def assert_held(run: Run, place: Place, because: str) -> None:
    """Held in batch 2 for that reason, the first two batches really on and no others, and nothing met."""
    assert run.end().code == 4, run.output
    report = run.report
    assert report.outcome is Outcome.HELD
    assert because in report.cause
    assert f"rollout settle {run.id}" in report.sentence
    assert [(batch.index, batch.decision) for batch in report.batches] == [(1, "promote"), (2, "hold")]
    assert place.active() == {agent for batch in report.batches for agent in batch.agents}
    assert {agent.agent for agent in report.agents if agent.state == "healthy, metrics on"} == place.active()
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
    assert {entry["agent"] for entry in run.ledger if entry["step"] == "intended" and entry.get("batch", 0) > 2} == set()


def assert_settles(run: Run, place: Place, commands: Commands, before: Mapping[str, AgentState]) -> None:
    """Everything that was changed comes back, and the report says no more than that."""
    settled = commands.settle(place, run.id)
    assert settled.code == 3, settled.output
    assert_as_before(place, before, touched={entry["agent"] for entry in run.ledger if entry["step"] == "intended"})
    assert run.report.outcome is Outcome.ROLLED_BACK
    assert Standing.MET not in {criterion.verdict for criterion in run.report.criteria}


@pytest.mark.parametrize("what", SPOILED)
def test_answers_go_bad_while_a_batch_bakes(six: Place, commands: Commands, proxy: Spoiler, what: str) -> None:
    """What was good until then proves nothing of this batch: held where it stands, for that reason; nor were requests counted that nobody saw."""
    spoil, because = SPOILED[what]
    before = six.seen()
    with told_by(six, proxy.url) as told:
        run = commands.start(told, "day-1")
        run.until_batch("verified", 2)
        proxy.spoil = spoil
        assert_held(run, six, because)
        assert proxy.spoiled
        lost = {check.verdict for check in run.report.checks if check.gate == "requests_lost"}
        assert "PASS" not in lost or what == RENAMED
        assert_settles(run, six, commands, before)


@pytest.mark.parametrize("what", FROM_THE_START)
def test_answers_are_bad_from_the_start(six: Place, commands: Commands, proxy: Spoiler, what: str) -> None:
    """Refused for that reason before anything is touched."""
    proxy.spoil, because = FROM_THE_START[what]
    before = six.seen()
    with told_by(six, proxy.url) as told:
        run = commands.start(told, "day-1")
        assert run.end().code == 2, run.output
    assert run.report.outcome is Outcome.REFUSED
    assert because in run.report.cause
    assert Standing.MET not in {criterion.verdict for criterion in run.report.criteria}
    assert {entry["agent"] for entry in run.ledger if entry["step"] == "intended"} == set()
    assert six.seen() == before


def test_the_callers_go_away_while_a_batch_bakes(six: Place, commands: Commands) -> None:
    """Nobody asks the agents anything any more: that no request fails is no sign of health."""
    before, machines = six.seen(), [machine.name for machine in six.site.machines]
    run = commands.start(six, "day-1")
    run.until_batch("intended", 2)
    for machine in machines:
        six.supervisor(machine).call("supervisor.stopProcess", "lab-load")
    try:
        assert_held(run, six, f"{ERRORS} not shown, there is no row to judge")
        assert_settles(run, six, commands, before)
    finally:
        for machine in machines:
            six.supervisor(machine).call("supervisor.startProcess", "lab-load")
        eventually(lambda: six.run("status").returncode == 0)
