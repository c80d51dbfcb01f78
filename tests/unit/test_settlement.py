"""The last look at a fleet, and settling a run that cannot finish itself, on machines in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rollout.left_open
import rollout.settlement
from rollout.acceptance import accept
from rollout.audit import AuditFile, Closing
from rollout.clock import Deadline
from rollout.errors import Held, Refused
from rollout.executor import Executor, Limits
from rollout.final_look import LastLook, last_look
from rollout.ledger import Ledger, Step
from rollout.named_plan import named_plan
from rollout.ownership import Ownership
from rollout.plan import ChangeKind
from rollout.report import Outcome
from rollout.report_file import read_report, write_report
from rollout.rollbacks import announce
from rollout.services.port import ServiceState
from rollout.settlement import settle
from rollout.site import Site
from tests.fakes.machine import FLAG, MemoryWorld
from tests.fakes.site import found_by, memory_site
from tests.unit.reports import BATCH, report

RUN = "run-1"


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents with their metrics off."""
    return MemoryWorld()


@pytest.fixture
def site(world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The place where they run, found under every file name."""
    site = memory_site(world, tmp_path)
    found_by(monkeypatch, site, rollout.left_open)
    return site


@pytest.fixture
def ledger(site: Site) -> Ledger:
    """Of a day 1 that was opened, changed Agent0 and Agent5, intended Agent1 and died."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ledger = Ledger(site.runs / RUN / "ledger.jsonl", site.clock)
    epoch = ownership.claim(RUN, site.runs)
    ledger.append(epoch, Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    change = site.change(ChangeKind.METRICS)
    executor = Executor(change, ledger, ownership, Limits(30, 10, 120, 20), site.clock)
    assert not executor.activate([site.fleet.agent("east/Agent0"), site.fleet.agent("west/Agent5")], 1).failed
    ledger.intend(epoch, change.snapshot([site.fleet.agent("east/Agent1")]), 2)
    return ledger


def test_a_day_that_changes_nothing_can_be_settled(site: Site) -> None:
    """A load test that was killed owns its fleet until it is settled; nothing is undone, every agent is looked at."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ledger = Ledger(site.runs / RUN / "ledger.jsonl", site.clock)
    ledger.append(ownership.claim(RUN, site.runs), Step.OPENED, day=6, plan="week3", site="memory", change="")
    ownership.release()
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.outcome is Outcome.ROLLED_BACK
    assert [agent.state for agent in settled.agents] == ["healthy, metrics off"] * 6
    assert Ledger(ledger.file, site.clock).settled


def on(world: MemoryWorld) -> set[str]:
    """Agents that run with their metrics on."""
    return {identity for identity, each in world.all.items() if FLAG in each.process.environment}


def look(site: Site, ledger: Ledger) -> LastLook:
    """The last look of that run."""
    return last_look(site, [site.change(ChangeKind.METRICS)], ledger, site.fleet.agents, ledger.batches(), {"east/Agent0": 100})


def test_the_last_look_tells_step_batch_pids_and_state(world: MemoryWorld, site: Site, ledger: Ledger) -> None:
    """Of every agent, in the fleet's order: what the ledger says and what is seen now."""
    agents = {each.agent: each for each in look(site, ledger).agents}
    assert list(agents) == [agent.id for agent in site.fleet.agents]
    changed, untouched = agents["east/Agent0"], agents["east/Agent2"]
    assert (changed.step, changed.batch, changed.verified, changed.state) == ("verified", 1, True, "healthy, metrics on")
    assert (changed.pid_before, changed.pid_after) == (100, world.all["east/Agent0"].process.pid)
    assert (untouched.step, untouched.batch, untouched.verified, untouched.state) == ("untouched", 0, True, "healthy, metrics off")


def test_an_agent_that_fell_since_it_was_verified_is_not_called_verified(world: MemoryWorld, site: Site, ledger: Ledger) -> None:
    """Seen, not remembered: a later restart without the flag, and a crash."""
    world.all["east/Agent0"].process = replace(world.all["east/Agent0"].process, environment={})
    world.all["west/Agent5"].state = ServiceState.FATAL
    agents = {each.agent: each for each in look(site, ledger).agents}
    assert agents["east/Agent0"].verified is False
    assert f"{FLAG} is absent" in agents["east/Agent0"].state
    assert agents["west/Agent5"].verified is False
    assert "FATAL" in agents["west/Agent5"].state


def test_what_cannot_be_seen_is_unknown_and_the_rest_is_seen(world: MemoryWorld, site: Site, ledger: Ledger) -> None:
    """A dead machine costs its own agents' entries only, and is told."""
    world.west.unreachable = True
    seen = look(site, ledger)
    agents = {each.agent: each for each in seen.agents}
    assert (agents["west/Agent4"].verified, agents["west/Agent4"].state) == (None, "not seen")
    assert agents["east/Agent2"].verified is True
    assert seen.unknowns == ("2 agents of west could not be seen at the end: west does not answer",)


@pytest.mark.usefixtures("ledger")
def test_settling_brings_back_exactly_what_the_dead_run_changed(world: MemoryWorld, site: Site) -> None:
    """Both changed agents are off again, the intended one was never touched, and the report says so."""
    pid = world.all["east/Agent1"].process.pid
    settled = settle(RUN, site.file)
    assert settled is not None
    assert on(world) == set()
    assert world.all["east/Agent1"].process.pid == pid
    assert (settled.outcome, settled.exit_code) == (Outcome.ROLLED_BACK, 3)
    assert settled.rollback is not None
    assert set(settled.rollback.restored) == {"east/Agent0", "east/Agent1", "west/Agent5"}
    assert read_report(site.reports / RUN) == settled
    assert site.targets.written() == frozenset()


@pytest.mark.usefixtures("ledger")
def test_a_run_that_wrote_no_report_gets_one_that_claims_nothing(site: Site) -> None:
    """What it measured died with it: every criterion of the day is not measured."""
    settled = settle(RUN, site.file)
    assert settled is not None
    assert {criterion.id for criterion in settled.criteria} == {criterion.id for criterion in named_plan("week3").criteria_of(1)}
    assert {criterion.verdict.value for criterion in settled.criteria} == {"NOT MEASURED"}
    assert "died before it could say why" in settled.cause
    assert any("never written" in unknown for unknown in settled.unknowns)


def test_a_dead_runs_batches_are_told_from_its_ledger(site: Site, ledger: Ledger) -> None:
    """What was decided before it died stands in the report, though the run could not write one."""
    ledger.append(1, Step.DECIDED, batch=1, goes_on=True, report=BATCH.model_dump(mode="json"))
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.batches == (BATCH,)


def test_a_run_that_died_on_its_way_back_says_why_it_went(site: Site, ledger: Ledger) -> None:
    """The verdict stands, whoever finishes the rollback: its cause, and each batch with its decision although its agents are back."""
    ledger.append(1, Step.DECIDED, batch=1, goes_on=False, report=BATCH.model_dump(mode="json"))
    announce(ledger, 1, "gate impact: latency +30 %", 120.0)
    ledger.append(1, Step.REVERTING, ["west/Agent5"])
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.cause == "gate impact: latency +30 %"
    assert settled.batches == (BATCH,)
    assert set(settled.rollback.restored if settled.rollback else ()) == {"east/Agent0", "east/Agent1", "west/Agent5"}


def test_a_run_whose_report_could_not_be_written_is_told_from_its_ledger(site: Site, ledger: Ledger) -> None:
    """It said there why it was held; what an attempt before the present one said counts no more."""
    ledger.append(1, Step.HELD, batch=1, cause="prometheus is away; the report cannot be written")
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.cause == "prometheus is away; the report cannot be written"


def test_a_run_that_was_held_resumed_and_then_killed_does_not_say_why(site: Site, ledger: Ledger) -> None:
    """Why it was held is not why it died."""
    ledger.append(1, Step.HELD, batch=1, cause="prometheus is away")
    ledger.append(1, Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    settled = settle(RUN, site.file)
    assert settled is not None
    assert "died before it could say why" in settled.cause


@pytest.mark.usefixtures("ledger")
def test_a_settling_whose_report_cannot_be_written_is_repeated(world: MemoryWorld, site: Site) -> None:
    """The agents are back and the ledger stays open: a run that is closed has a report."""
    in_the_way = site.reports / RUN / ".report.json.new"
    in_the_way.mkdir(parents=True)
    with pytest.raises(Held, match=r"the report .*run-1 cannot be written \(Is a directory\)"):
        settle(RUN, site.file)
    assert on(world) == set()
    in_the_way.rmdir()
    settled = settle(RUN, site.file)
    assert settled is not None
    assert read_report(site.reports / RUN) == settled
    assert settle(RUN, site.file) is None


def test_a_settling_that_died_too_changes_no_cause(site: Site, ledger: Ledger) -> None:
    """What began the way back stands, however many processes it took."""
    announce(ledger, 1, "gate impact: latency +30 %", 120.0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rollout.settlement, "roll_back_all", _killed)
        with pytest.raises(KeyboardInterrupt):
            settle(RUN, site.file)
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.cause == "gate impact: latency +30 %"


def _killed(_executors: object) -> None:
    raise KeyboardInterrupt


def test_a_report_that_was_written_keeps_what_it_said(site: Site, ledger: Ledger) -> None:
    """A held run's criteria and cause stand; outcome, agents and rollback are new."""
    write_report(site.reports / RUN, report(cause="prometheus is away", outcome=Outcome.HELD, exit_code=4, ended=ledger.opened.at + 9))
    settled = settle(RUN, site.file)
    assert settled is not None
    assert (settled.cause, settled.criteria, settled.outcome) == ("prometheus is away", report().criteria, Outcome.ROLLED_BACK)
    assert "Before that: prometheus is away." in settled.sentence
    assert not [unknown for unknown in settled.unknowns if "later attempt" in unknown]
    assert len(settled.agents) == 6


@pytest.mark.parametrize("earlier", ["", "prometheus is away"], ids=["complete", "held"])
def test_the_report_of_an_earlier_attempt_does_not_speak_for_the_one_that_died(site: Site, ledger: Ledger, earlier: str) -> None:
    """Retry of a run that had ended, killed: why it was settled is the ledger's word, and what that attempt saw is unknown."""
    write_report(site.reports / RUN, report(cause=earlier, ended=ledger.opened.at - 1))
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.cause == "the run's process died before it could say why"
    assert "Before that: the run's process died" in settled.sentence
    assert [unknown for unknown in settled.unknowns if "later attempt" in unknown]


def test_a_complete_run_that_is_open_again_did_not_die(site: Site, ledger: Ledger) -> None:
    """A full disk before the last entry, or a late process's line behind it: its report stands, so nothing is made up about its process."""
    write_report(site.reports / RUN, report(ended=ledger.opened.at + 9))
    settled = settle(RUN, site.file)
    assert settled is not None
    assert settled.cause == "its report says complete, and its ledger was not closed"
    assert not [unknown for unknown in settled.unknowns if "later attempt" in unknown]


@pytest.mark.usefixtures("ledger")
def test_settling_twice_finds_nothing_to_do(world: MemoryWorld, site: Site) -> None:
    """The second time touches nobody."""
    settle(RUN, site.file)
    restarted = list(world.east.restarted)
    assert settle(RUN, site.file) is None
    assert world.east.restarted == restarted


@pytest.mark.usefixtures("ledger")
def test_what_is_left_behind_keeps_the_ledger_open(world: MemoryWorld, site: Site) -> None:
    """The stuck agent is named with its reason; once it can move, settling again brings it back and closes."""
    world.all["west/Agent5"].keeps_old_environment = True
    stuck = settle(RUN, site.file)
    assert stuck is not None
    assert (stuck.outcome, stuck.exit_code) == (Outcome.ROLLBACK_INCOMPLETE, 5)
    assert stuck.rollback is not None
    assert set(stuck.rollback.quarantined) == {"west/Agent5"}
    assert "left behind: west/Agent5" in stuck.sentence
    assert on(world) == {"west/Agent5"}
    world.all["west/Agent5"].keeps_old_environment = False
    again = settle(RUN, site.file)
    assert again is not None
    assert again.outcome is Outcome.ROLLED_BACK
    assert on(world) == set()
    assert settle(RUN, site.file) is None


def test_a_run_that_ends_well_in_that_moment_keeps_what_it_changed(
    world: MemoryWorld, site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it wrote between the first look and the claim counts: a complete day is not rolled back by a settling that came too early."""
    running = on(world)

    def while_it_closes(_file: Path, _deadlines: object) -> Site:
        ledger.append(1, Step.CLOSED, outcome="complete")
        return site

    monkeypatch.setattr(rollout.left_open, "load_site", while_it_closes)
    assert settle(RUN, site.file) is None
    assert running
    assert on(world) == running
    assert read_report(site.reports / RUN) is None


def test_a_run_that_does_not_exist_is_refused(site: Site) -> None:
    """With the folder in which the runs are."""
    with pytest.raises(Refused, match="has no run nobody") as refused:
        settle("nobody", site.file)
    assert str(site.runs) in str(refused.value)


@pytest.mark.usefixtures("ledger")
def test_after_settling_another_run_may_have_the_fleet(site: Site) -> None:
    """Before, the unsettled ledger refuses it and names the command."""
    other = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    with pytest.raises(Refused, match=f"rollout settle {RUN}"):
        other.claim("run-2", site.runs)
    settle(RUN, site.file)
    assert other.claim("run-2", site.runs) > 0


def test_a_restore_needs_no_metrics_source(site: Site, ledger: Ledger) -> None:
    """No hub is asked on the way back: it may be the very thing that is down."""
    change = site.change(ChangeKind.METRICS)
    change.restore(ledger.changed(), Deadline.after(site.clock, 30), lambda: None)
    assert all(reading.verified for reading in change.read_restored(ledger.changed()))


@pytest.mark.usefixtures("ledger")
def test_a_held_run_can_be_closed_as_it_is(world: MemoryWorld, site: Site) -> None:
    """Nobody is touched, the outcome stays what it was, the word and its reason are on record, and the fleet is free."""
    write_report(site.reports / RUN, report(cause="prometheus is away", outcome=Outcome.HELD, exit_code=4))
    restarted = list(world.east.restarted)
    accepted = accept(RUN, "ann", "seen by eye", site.file)
    assert accepted is not None
    assert accepted.sentence.startswith("Accepted as it is by ann: seen by eye. 3 agents stay changed.")
    assert (accepted.outcome, accepted.criteria) == (Outcome.HELD, report().criteria)
    assert world.east.restarted == restarted
    assert [entry.said for entry in AuditFile(site.state).of(RUN)] == [Closing.ACCEPT]
    assert accept(RUN, "ann", "again", site.file) is None
    assert Ownership(site.state / "fleets", site.fleet.name, site.clock).claim("run-2", site.runs) > 0


@pytest.mark.usefixtures("ledger")
def test_a_run_without_a_report_cannot_be_accepted(site: Site) -> None:
    """Nobody would know what was accepted."""
    with pytest.raises(Refused, match="left no report"):
        accept(RUN, "ann", "why not", site.file)


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("finish", "says"), [(settle, "Settled: "), (lambda run, file: accept(run, "ann", "seen by eye", file), "Accepted as it is")]
)
def test_who_dies_before_the_ledger_is_closed_has_written_the_report(
    site: Site, monkeypatch: pytest.MonkeyPatch, finish: Callable[[str, Path], object], says: str
) -> None:
    """A closed run is never finished again, so the report stands by then; what stays open is finished by whoever comes next."""
    write_report(site.reports / RUN, report(cause="prometheus is away", outcome=Outcome.HELD, exit_code=4))
    append = Ledger.append

    def dies(ledger: Ledger, epoch: int, step: Step, *arguments: Any, **facts: Any) -> None:
        if step is Step.CLOSED:
            raise KeyboardInterrupt
        append(ledger, epoch, step, *arguments, **facts)

    monkeypatch.setattr(Ledger, "append", dies)
    with pytest.raises(KeyboardInterrupt):
        finish(RUN, site.file)
    told = read_report(site.reports / RUN)
    assert told is not None
    assert told.sentence.startswith(says)
