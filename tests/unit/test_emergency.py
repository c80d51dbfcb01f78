"""Emergency 1 on machines in memory: everybody with metrics comes back, whoever turned them on, and nothing stands in its way."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

import rollout.emergency
import rollout.left_open
import rollout.rehearse
from rollout.audit import AuditFile, Emergency, Order
from rollout.emergency import Call, take_back
from rollout.errors import Refused, RollbackIncomplete, StillAtWork
from rollout.executor import Executor, Limits
from rollout.finishing import finish
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import ChangeKind
from rollout.protocols import METRICS_OFF, OPTIMIZATION_BACK, SINGLE_HUB
from rollout.rehearsals import Rehearsal, RehearsalFile
from rollout.rehearse import rehearse
from rollout.report import DayReport, Outcome
from rollout.report_file import read_report
from rollout.run_ledger import run_ledger
from rollout.services.port import ServiceState
from rollout.site import Site
from rollout.verdict import Standing, Verdict
from tests.fakes.machine import FLAG, MemoryMachine, MemoryWorld
from tests.fakes.site import found_by, memory_site

PLAN = Path(__file__).parents[2] / "plans" / "week3.yaml"


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents with their metrics off."""
    return MemoryWorld()


@pytest.fixture
def site(world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The place where they run, found under every file name."""
    site = memory_site(world, tmp_path, rehearsal="six")
    found_by(monkeypatch, site, rollout.emergency, rollout.left_open, rollout.rehearse)
    return site


def call(site: Site, run: str = "emergency-1") -> DayReport:
    """Ann calls it."""
    return take_back(Call(run, "ann", "too slow"), METRICS_OFF, site.file, PLAN)


def on(world: MemoryWorld) -> set[str]:
    """Agents that run with their metrics on."""
    return {identity for identity, each in world.all.items() if each.process.environment.get(FLAG) == "true"}


def change_some(site: Site, run: str, *agents: str) -> Ledger:
    """A day that has changed these agents and is not closed."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ledger = run_ledger(site.runs, run, site.clock)
    epoch = ownership.claim(run, site.runs)
    ledger.append(epoch, Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    executor = Executor(site.change(ChangeKind.METRICS), ledger, ownership, Limits(30, 10, 120, 20), site.clock)
    assert not executor.activate([site.fleet.agent(agent) for agent in agents], 1).failed
    ownership.release()
    return ledger


@pytest.mark.parametrize("lost", [False, True])
def test_all_metrics_go_off_and_each_agent_is_as_before_it_had_them(world: MemoryWorld, site: Site, *, lost: bool) -> None:
    """The flag comes back as a ledger knows it, also one that was lost; where none does it says false. Who had no metrics is not restarted."""
    ledger = change_some(site, "day", "east/Agent0")
    ledger.append(1, Step.CLOSED)
    if lost:
        rmtree(site.runs / "day")
    world.switch_on("west/Agent4")
    pid = world.all["east/Agent1"].process.pid
    report = call(site)
    assert on(world) == set()
    assert FLAG not in world.all["east/Agent0"].configured
    assert world.all["west/Agent4"].configured[FLAG] == "false"
    assert world.all["east/Agent1"].process.pid == pid
    assert (report.outcome, report.exit_code) == (Outcome.COMPLETE, 0)
    assert report.rollback is not None
    assert set(report.rollback.restored) == {"east/Agent0", "west/Agent4"}
    assert "Called by ann: too slow" in report.sentence
    assert [entry.said for entry in AuditFile(site.state).of("emergency-1")] == [Emergency.METRICS]
    assert Ledger(site.runs / "emergency-1" / "ledger.jsonl", site.clock).settled


def test_an_agent_that_would_start_with_metrics_next_time_has_them(world: MemoryWorld, site: Site) -> None:
    """Configured and not yet restarted, as a day leaves it that was held between the two: what does not run yet is taken back too, on disk."""
    ledger = run_ledger(site.runs, "day", site.clock)
    ledger.intend(1, site.change(ChangeKind.METRICS).snapshot([site.fleet.agent("east/Agent0")]), 1)
    ledger.append(1, Step.CLOSED)
    world.all["east/Agent0"].configured[FLAG] = "true"
    report = call(site)
    assert FLAG not in world.all["east/Agent0"].configured
    assert (report.outcome, report.rollback and report.rollback.restored) == (Outcome.COMPLETE, ("east/Agent0",))


def test_a_held_run_is_settled_on_the_way(world: MemoryWorld, site: Site) -> None:
    """Its ledger is closed: nobody can resume what the emergency has taken back."""
    ledger = change_some(site, "day", "east/Agent0", "west/Agent5")
    assert call(site).outcome is Outcome.COMPLETE
    assert on(world) == set()
    assert Ledger(ledger.file, site.clock).settled


def test_a_run_at_work_is_told_to_abort_and_waited_for(world: MemoryWorld, site: Site) -> None:
    """It heeds the order by itself; one that does not end is named, and the emergency is refused rather than acting beside it."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    Ledger(site.runs / "day" / "ledger.jsonl", site.clock).append(
        ownership.claim("day", site.runs), Step.OPENED, day=1, plan="week3", site="memory", change="metrics"
    )
    world.clock.on_sleep = lambda _now: ownership.check()
    with pytest.raises(StillAtWork, match="run day was told to abort and did not end"):
        call(site)
    assert [(entry.said, entry.reason) for entry in AuditFile(site.state).of("day")] == [(Order.ABORT, "emergency: too slow")]
    world.clock.on_sleep = lambda _now: ownership.release()
    assert call(site, "emergency-2").outcome is Outcome.COMPLETE


def test_what_cannot_be_reached_is_named_and_the_rest_comes_back(world: MemoryWorld, site: Site) -> None:
    """A dead machine keeps nobody else with metrics; the run stays open for the next try."""
    world.switch_on("east/Agent0", "west/Agent4")
    world.west.unreachable = True
    report = call(site)
    assert on(world) == {"west/Agent4"}
    assert (report.outcome, report.exit_code) == (Outcome.ROLLBACK_INCOMPLETE, 5)
    assert "west/Agent4 (cannot be seen: west does not answer)" in report.sentence
    world.west.unreachable = False
    assert call(site, "emergency-2").outcome is Outcome.COMPLETE
    assert on(world) == set()


def test_who_was_not_seen_is_not_forgotten(world: MemoryWorld, site: Site) -> None:
    """Finishing the emergency looks again: as long as a machine is dead its agents are named, and when it is back their metrics go off."""
    world.switch_on("east/Agent0", "west/Agent4")
    world.west.unreachable = True
    call(site)
    still = finish("emergency-1", site.file)
    assert still is not None
    assert still.outcome is Outcome.ROLLBACK_INCOMPLETE
    assert "west/Agent4 (cannot be seen" in still.sentence
    world.west.unreachable = False
    done = finish("emergency-1", site.file)
    assert done is not None
    assert done.outcome is Outcome.COMPLETE
    assert on(world) == set()
    assert finish("emergency-1", site.file) is None
    assert [entry.said for entry in AuditFile(site.state).of("emergency-1")] == [Emergency.METRICS]


def test_a_second_call_does_the_work_of_the_first(world: MemoryWorld, site: Site) -> None:
    """Nobody has to settle the one that left agents behind, and the fleet is free again."""
    world.switch_on("west/Agent4")
    world.west.unreachable = True
    call(site)
    world.west.unreachable = False
    assert call(site, "emergency-2").outcome is Outcome.COMPLETE
    assert Ownership(site.state / "fleets", site.fleet.name, site.clock).claim("next", site.runs) > 0


def test_an_emergency_of_another_kind_leaves_the_first_to_be_finished(world: MemoryWorld, site: Site) -> None:
    """It does not close what it does not do: the first one's agents are still its own."""
    world.switch_on("west/Agent4")
    world.west.unreachable = True
    call(site)
    take_back(Call("emergency-2", "ann", "too odd"), OPTIMIZATION_BACK, site.file, PLAN)
    assert not run_ledger(site.runs, "emergency-1", site.clock).settled
    world.west.unreachable = False
    finish("emergency-1", site.file)
    assert on(world) == set()


def test_an_agent_that_a_held_run_cannot_bring_back_does_not_stand_in_the_way(world: MemoryWorld, site: Site) -> None:
    """All others come back at once, the stuck one is named; both runs stay open until it is back, and no day starts before."""
    change_some(site, "day", "east/Agent0", "west/Agent5")
    world.switch_on("west/Agent4")
    world.all["east/Agent0"].keeps_old_environment = True
    report = call(site)
    assert report.outcome is Outcome.ROLLBACK_INCOMPLETE
    assert "left behind: east/Agent0" in report.sentence
    assert on(world) == {"east/Agent0"}
    world.all["east/Agent0"].keeps_old_environment = False
    done = finish("emergency-1", site.file)
    assert done is not None
    assert done.outcome is Outcome.COMPLETE
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    with pytest.raises(Refused, match="rollout settle day"):
        ownership.claim("next", site.runs)
    finish("day", site.file)
    assert on(world) == set()
    assert ownership.claim("next", site.runs) > 0


def test_a_run_that_cannot_be_settled_does_not_stand_in_the_way(world: MemoryWorld, site: Site) -> None:
    """Its plan is not there any more: metrics go off all the same, and the report says what stays open."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ledger = run_ledger(site.runs, "day", site.clock)
    ledger.append(ownership.claim("day", site.runs), Step.OPENED, day=1, plan="nowhere", site="memory", change="metrics")
    ownership.release()
    world.switch_on("east/Agent0")
    report = call(site)
    assert on(world) == set()
    assert report.outcome is Outcome.COMPLETE
    assert any("run day, which held the fleet, could not be settled" in unknown for unknown in report.unknowns)


def test_a_baseline_that_cannot_be_read_costs_no_report(world: MemoryWorld, site: Site) -> None:
    """One of another version, with a torn file beside it: the agents are back, and the emergency says so and is closed."""
    samples = site.reports / "old" / "samples"
    samples.mkdir(parents=True)
    (samples / "baseline.parquet").write_bytes(b"torn")
    (site.reports / "old" / "report.json").write_text('{"schema_version": 0}', encoding="utf-8")
    world.switch_on("east/Agent0")
    assert call(site).outcome is Outcome.COMPLETE
    assert run_ledger(site.runs, "emergency-1", site.clock).settled


def test_a_lost_program_file_hides_nobody_else(world: MemoryWorld, site: Site) -> None:
    """Of its machine only the agent without a configuration is unseen; the others' metrics go off."""
    world.switch_on("east/Agent0", "east/Agent1")
    world.east.lost = {"Agent0"}
    report = call(site)
    assert on(world) == {"east/Agent0"}
    assert report.rollback is not None
    assert set(report.rollback.quarantined) == {"east/Agent0"}


def test_a_rehearsal_that_does_not_come_back_keeps_its_ledger_open(world: MemoryWorld, site: Site) -> None:
    """The agent that took the change and does not give it back is named, and no run may start over it."""
    world.all["west/Agent4"].ignores_restart = True  # the change does not come on
    world.clock.on_sleep = lambda _now: setattr(world.all["west/Agent4"], "state", ServiceState.FATAL)
    with pytest.raises(RollbackIncomplete, match="west/Agent4"):
        rehearse(METRICS_OFF, site.file, PLAN, "ann")
    with pytest.raises(Refused, match="settle it first"):
        Ownership(site.state / "fleets", site.fleet.name, site.clock).claim("next", site.runs)


def test_a_rehearsal_puts_all_on_takes_all_off_and_is_on_record(world: MemoryWorld, site: Site) -> None:
    """Without a metrics source the baseline is not confirmed, so E1 is not MET by it: the record says what was seen."""
    report = rehearse(METRICS_OFF, site.file, PLAN, "ann")
    assert on(world) == set()
    assert report.rollback is not None
    assert len(report.rollback.restored) == 6
    (finding,) = RehearsalFile(site.state).findings("E1")
    assert finding.verdict is Verdict.ERROR
    assert "site memory, rehearsal six" in finding.sentence


def test_a_rehearsal_that_takes_too_long_is_on_record_as_a_failure(world: MemoryWorld, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are off, and 65 s a machine are more than the two minutes of the plan: the record that E1 and D1.R cite says FAIL."""
    for machine in (world.east, world.west):

        def slowly(*words: Any, machine: MemoryMachine = machine, restart: Any = machine.restart) -> Any:
            if all(each.configured.get(FLAG) != "true" for each in machine.agents.values()):
                world.clock.sleep(65)
            return restart(*words)

        monkeypatch.setattr(machine, "restart", slowly)
    report = rehearse(METRICS_OFF, site.file, PLAN, "ann")
    assert on(world) == set()
    (criterion,) = report.criteria
    assert (criterion.id, criterion.verdict) == ("E1", Standing.NOT_MET)
    for cites in ("E1", "D1.R"):
        (finding,) = RehearsalFile(site.state).findings(cites)
        assert finding.verdict is Verdict.FAIL
        assert "restored in 130" in finding.sentence


def test_production_is_no_place_to_rehearse(world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anybody is touched."""
    monkeypatch.setattr(rollout.rehearse, "load_site", lambda _file, _deadlines: memory_site(world, tmp_path))
    with pytest.raises(Refused, match="is production"):
        rehearse(METRICS_OFF, tmp_path / "memory.yaml", PLAN, "ann")
    assert world.east.restarted == []


def test_what_a_site_lacks_is_not_rehearsed_and_holds_nothing_up(world: MemoryWorld, site: Site) -> None:
    """A site with one hub has no hub emergency: Refused, and the fleet is free for the next one."""
    with pytest.raises(Refused):
        rehearse(SINGLE_HUB, site.file, PLAN, "ann")
    assert world.east.restarted == []
    assert rehearse(METRICS_OFF, site.file, PLAN, "ann").outcome is Outcome.COMPLETE


def test_a_criterion_that_needs_all_protocols_is_not_proven_by_one(tmp_path: Path) -> None:
    """E1 may cite the record and be MET; P.3 says how many are missing; what rests on no rehearsal finds nothing."""
    record = RehearsalFile(tmp_path)
    assert record.findings("E1") == []
    record.append(Rehearsal(1.0, "emergency metrics", "site lab", "run", 77, "PASS", "restored in 8.0 s, normal in 12.0 s", "< 2 min"))
    assert [finding.verdict for finding in record.findings("E1")] == [Verdict.PASS]
    assert max(finding.verdict for finding in record.findings("P.3")) is Verdict.INCONCLUSIVE
    assert record.findings("D1.2") == []


def test_an_emergency_that_dies_before_its_ledger_is_closed_has_written_its_report(
    world: MemoryWorld, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody goes on with one that is closed."""
    world.switch_on("east/Agent0")
    append = Ledger.append

    def dies(ledger: Ledger, epoch: int, step: Step, *arguments: Any, **facts: Any) -> None:
        if step is Step.CLOSED:
            raise KeyboardInterrupt
        append(ledger, epoch, step, *arguments, **facts)

    monkeypatch.setattr(Ledger, "append", dies)
    with pytest.raises(KeyboardInterrupt):
        call(site)
    told = read_report(site.reports / "emergency-1")
    assert told is not None
    assert told.outcome is Outcome.COMPLETE
