"""What breaks around two hubs, on six agents: day 2 dies at each of its steps, promtool refuses, a hub dies while day 1 bakes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, rollout
from tests.end_to_end.place import Place
from tests.end_to_end.spoiler import Reply, behind, spoiler
from tests.lab.world_of_six import eventually, get

pytestmark = [pytest.mark.lab, pytest.mark.full]

NOT_CONFIGURED = {"data", "hub", "candidate", "takeover"}
"""Folders; in the last two a process that was killed leaves what the next one writes over."""


@pytest.fixture
def pair(lab_of_pair: Place, commands: Commands) -> Iterator[Place]:
    """The lab with no run at work and none unsettled, before and after."""
    commands.settle_leftovers(lab_of_pair)
    yield lab_of_pair
    commands.stop_runs()


def files(place: Place) -> dict[str, bytes]:
    """Every file of the lab that a hub or a supervisor reads, but for supervisord's own, what promtool was shown, and what is the watchdog's."""
    found = (file for machine in place.site.machines for file in machine.folder.rglob("*") if file.suffix in {".conf", ".json", ".yaml"})
    return {str(file): file.read_bytes() for file in found if not NOT_CONFIGURED & set(file.parts)}


def assert_single_hub(place: Place) -> None:
    """The edge is gone and its port free, central answers strangers again and sees every agent."""
    assert not {"edge-hub", "hub-watchdog"} & set(place.supervisor("pc2").programs())
    assert "hub-watchdog" not in place.supervisor("mainpc").programs()
    with pytest.raises(ConnectionRefusedError):
        get("127.0.22.1", 9100, "/-/ready")
    assert get("127.0.12.1", 9000, "/api/v1/query?query=up")[0] == 200
    eventually(lambda: place.run("status").returncode == 0)


def wrote(change: str, step: str, batch: int | None = None) -> Callable[[list[dict[str, Any]]], bool]:
    """Whether a ledger holds that step of that change (in that batch, or in any)."""

    def holds(entries: list[dict[str, Any]]) -> bool:
        return any(each.get("change") == change and each["step"] == step and batch in (None, each.get("batch")) for each in entries)

    return holds


STEPS = {
    "the edge hub is about to come": wrote("hubs", "intended", 1),
    "the edge hub is there": wrote("hubs", "verified", 1),
    "central is about to restart": wrote("hubs", "intended", 2),
    "both are hubs of the pair": wrote("hubs", "verified", 2),
    "the first agent is routed": wrote("routing", "verified", 3),
    "all agents are routed": wrote("routing", "verified", 4),
    "a hub is dead by the drill": wrote("outage", "verified"),
}


@pytest.mark.parametrize("when", STEPS)
def test_day_2_dies_at_each_of_its_steps(pair: Place, commands: Commands, when: str) -> None:
    """Killed with -9 there, `settle` brings the single hub back within its budget, no agent was restarted, and the report says all of it."""
    pids, before = pair.pids(), files(pair)
    run = commands.start(pair, "day-2")
    run.until(lambda: STEPS[when](run.ledger))
    os.kill(json.loads((pair.state / "fleets" / "pair.json").read_text())["pid"], signal.SIGKILL)
    assert run.end().code == 4, run.output

    settled = commands.settle(pair, run.id)
    assert settled.code == 3, settled.output
    assert_single_hub(pair)
    agents = {identity for identity in pids if not identity.endswith("/ObservabilityHub")}
    assert {identity: pid for identity, pid in pair.pids().items() if identity in agents} == {identity: pids[identity] for identity in agents}
    assert {name: text for name, text in files(pair).items() if name in before} == before
    report = run.report
    assert report.outcome is Outcome.ROLLED_BACK
    assert report.rollback is not None
    assert report.rollback.seconds_to_restored < report.rollback.budget_seconds
    assert Standing.MET not in {each.verdict for each in report.criteria}


def test_a_configuration_that_promtool_refuses(pair: Place, commands: Commands) -> None:
    """A rule file that does not parse: refused with promtool's reason and exit code 2; no file and no process is another."""
    broken = pair.site.machine("mainpc").folder / "rules" / "broken.yaml"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text("groups: [{name: broken, rules: [{record: a, expr: 'sum('}]}]\n")
    try:
        pids, before = pair.pids(), files(pair)
        run = commands.start(pair, "day-2")
        assert run.end().code == 2, run.output
        assert files(pair) == before
        assert pair.pids() == pids
        assert_single_hub(pair)
    finally:
        broken.unlink()
    assert run.report.outcome is Outcome.REFUSED
    assert "promtool refuses the configuration of mainpc/ObservabilityHub" in run.report.cause
    assert "parse error" in run.report.cause
    assert [each for each in run.ledger if each["step"] == "intended"] == []


@pytest.mark.parametrize("hub", ["central", "edge"])
def test_a_hub_dies_while_day_1_bakes(pair: Place, commands: Commands, hub: str) -> None:
    """The other hub is believed and the day goes on to its end; the report says that for a while there was but one."""
    if "edge-hub" not in pair.supervisor("pc2").programs():
        day_2 = commands.start(pair, "day-2")
        assert day_2.end().code == 0, day_2.output
    run = commands.start(pair, "day-1")
    run.until_batch("verified", 2)
    pair.fault("hub-dead", "--hub", hub)
    try:
        ended = run.end()
    finally:
        pair.fault("clear")
    assert ended.code == 0, run.output
    assert run.report.outcome is Outcome.COMPLETE
    survivor = {"central": "edge", "edge": "central"}[hub]
    assert any(f"{survivor} alone had fresh samples" in unknown for unknown in run.report.unknowns)
    assert any(unknown.startswith(f"what collecting costs {hub}: ") for unknown in run.report.unknowns)
    standing = {each.id: each.verdict for each in run.report.criteria}
    assert standing["D1.5"] is standing["D1.8"] is Standing.MET
    back = rollout("emergency", "metrics", "--site", pair.name, "--name", "ann", "--reason", "the next test starts without metrics")
    assert back.code == 0, back.output


def twenty_percent_off(reply: Reply) -> Reply:
    """Every sample has its label and its time, and another value."""
    return reply.with_values(lambda value: str(1.2 * float(value))) if 'scraped_by!=""' in reply.query else reply


def test_hubs_disagree_while_day_1_bakes(pair: Place, commands: Commands) -> None:
    """A hub that is behind on its peer's machine is passed over; one whose values are 20 % off holds the run, for nobody knows which hub is right."""
    if "edge-hub" not in pair.supervisor("pc2").programs():
        day_2 = commands.start(pair, "day-2")
        assert day_2.end().code == 0, day_2.output
    url, file = "http://127.0.22.1:9100", pair.file.with_name("lab-pair-doubted.yaml")
    with spoiler(url) as proxy:
        file.write_text(pair.file.read_text().replace(url, proxy.url))
        try:
            run = commands.start(Place(file), "day-1")
            run.until_batch("verified", 1)
            proxy.spoil = behind("mainpc")
            run.until_batch("verified", 2)
            proxy.spoil = twenty_percent_off
            assert run.end().code == 4, run.output
        finally:
            file.unlink()
    report = run.report
    assert report.outcome is Outcome.HELD
    assert "central, edge disagree" in report.cause
    assert any("batch 1: central alone had fresh samples" in unknown for unknown in report.unknowns)
    assert Standing.MET not in {each.verdict for each in report.criteria}
    assert pair.active() == {agent for batch in report.batches for agent in batch.agents}
    assert [(batch.index, batch.decision) for batch in report.batches] == [(1, "promote"), (2, "hold")]
    assert commands.settle(pair, run.id).code == 3
    assert pair.active() == set()
    assert run.report.outcome is Outcome.ROLLED_BACK


def test_both_hubs_die_while_day_1_bakes(pair: Place, commands: Commands) -> None:
    """Nobody is left to ask: held with exit code 4, nothing that rests on samples is MET, and settling, which needs no hub, brings all back."""
    run = commands.start(pair, "day-1")
    run.until_batch("verified", 2)
    try:
        pair.fault("hub-dead", "--hub", "central")
        pair.fault("hub-dead", "--hub", "edge")
        assert run.end().code == 4, run.output
        assert run.report.outcome is Outcome.HELD
        assert "metrics source" in run.report.cause
        assert Standing.MET not in {each.verdict for each in run.report.criteria}
        assert commands.settle(pair, run.id).code == 3
    finally:
        pair.fault("clear")
    assert pair.active() == set()
