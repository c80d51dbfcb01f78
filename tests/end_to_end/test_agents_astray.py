"""Day 1 while an agent, or somebody at its supervisor, does what the rollout did not ask for: what is left is verified, and the report says why."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest

from lab.ports import holder
from rollout.report import DayReport, Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches
from tests.end_to_end.place import FLAG, Place, assert_as_before
from tests.end_to_end.somebody_else import Program, hands_on, taking
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

CLAIMS = ("D1.1", "D1.2", "D1.4", "D1.5", "D1.6", "D1.7", "D1.8")
"""What a day that did not complete may not say of its agents."""
NEWCOMER = "Newcomer"


def nothing_is_claimed(report: DayReport) -> None:
    """No criterion about changed agents is MET."""
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria if criterion.id in CLAIMS}


def went_back(run: Run, sick: str, changed: Iterable[str]) -> None:
    """Exit code 3; the report blames that agent alone, and says that all came back."""
    assert run.end().code == 3, run.output
    report = run.report
    assert (report.outcome, report.exit_code) == (Outcome.ROLLED_BACK, 3)
    assert sick in report.cause
    assert report.rollback is not None
    assert (set(report.rollback.restored), report.rollback.quarantined) == (set(changed), {})
    by_id = {criterion.id: criterion for criterion in report.criteria}
    assert (by_id["D1.8"].verdict, by_id["D1.8"].agents) == (Standing.NOT_MET, (sick,))


def test_an_agent_crashes_40_seconds_after_its_start(six: Place, commands: Commands) -> None:
    """Its batch was promoted long before: the bake of a later one looks at it too, names it, and everything comes back."""
    planned, before = batches(six), six.seen()
    (sick,) = planned[1]
    six.fault("crash-after", "--seconds", "40", "--agents", sick)
    run = commands.start(six, "day-1")
    run.until(lambda: any(each["step"] == "rolling back" for each in run.ledger))
    changed = {each["agent"] for each in run.ledger if each["step"] == "intended"}
    went_back(run, sick, changed)
    report = run.report
    *promoted, last = report.batches
    assert len(promoted) >= 2
    assert ({batch.decision for batch in promoted}, last.decision) == ({"promote"}, "roll back")
    assert {agent for check in last.checks if check.verdict == "FAIL" for agent in check.agents} == {sick}
    nothing_is_claimed(report)
    assert any(f"{sick} ended by itself" in note for note in report.notes)
    assert_as_before(six, before, touched=changed)


@pytest.mark.parametrize("step", ["Metrics collection validation", "Performance impact assessment"])
def test_an_agent_crashes_after_the_last_batch(six: Place, commands: Commands, step: str) -> None:
    """Every batch was good and it is running again within a second: the day does not pass all the same, and says who crashed."""
    before, sick = six.seen(), batches(six)[2][0]
    run = commands.start(six, "day-1")
    run.until(lambda: step in run.output)
    os.kill(of(six, sick).pid or 0, signal.SIGKILL)
    went_back(run, sick, before)
    assert [batch.decision for batch in run.report.batches] == ["promote", "promote", "promote", "complete"]
    assert any(f"{sick} ended by itself" in note for note in run.report.notes)
    assert_as_before(six, before, touched=before)


def test_an_agent_starts_with_its_old_environment(six: Place, commands: Commands) -> None:
    """Its command drops the flag: the supervisor says RUNNING under a configuration that has it, /health is well, and the process is what counts."""
    planned = batches(six)
    sick = planned[2][0]
    with hands_on(six, *sick.split("/")) as program:
        program.write(re.sub(r"^command=", f"command=/usr/bin/env -u {FLAG} ", program.text or "", flags=re.MULTILINE))
        program.update()
        before = six.seen()
        run = commands.start(six, "day-1")
        went_back(run, sick, [*planned[1], *planned[2]])
        report = run.report
        assert f"{FLAG} is absent in the running process, not true" in report.cause
        assert [batch.decision for batch in report.batches] == ["promote", "roll back"]
        nothing_is_claimed(report)
        assert_as_before(six, before, touched=[*planned[1], *planned[2]])


def test_a_stranger_takes_an_agents_port(six: Place, commands: Commands) -> None:
    """The others come back, that agent is quarantined by name and the stranger lives; when it has left, settling says that all are back."""
    planned, before = batches(six), six.seen()
    sick = planned[2][0]
    agent = six.agent(sick)
    address = six.site.machine(agent.machine).address
    with taking(address, agent.health_port) as stranger:
        run = commands.start(six, "day-1")
        assert run.end().code == 5, run.output
        report = run.report
        assert report.outcome is Outcome.ROLLBACK_INCOMPLETE
        assert sick in report.cause
        assert report.rollback is not None
        assert set(report.rollback.quarantined) == {sick}
        assert sick in report.sentence
        assert set(report.rollback.restored) == {*planned[1], *planned[2]} - {sick}
        assert {each.agent for each in report.agents if each.verified is not True} == {sick}
        nothing_is_claimed(report)
        assert {six.get(identity, "/metrics")[0] for identity in before if identity != sick} == {404}
        assert stranger.poll() is None
        assert holder(address, agent.health_port) == stranger.pid
    eventually(lambda: six.health(sick) != {}, 30)
    settled = commands.settle(six, run.id)
    assert settled.code == 3, settled.output
    assert run.report.outcome is Outcome.ROLLED_BACK
    assert run.report.rollback is not None
    assert run.report.rollback.quarantined == {}
    assert_as_before(six, before, touched=[*planned[1], *planned[2]])


def test_an_orphan_of_a_killed_supervisord_is_ended_by_the_rollback(six: Place, commands: Commands) -> None:
    """It holds its successor's ports and answers well: what the run changed comes back over its end; an untouched one is named and left alone."""
    planned, before = batches(six), six.seen()
    changed, bystander = "pc2/CacheManager", "pc2/MemoryOrchestratorService"
    assert changed in planned[2]
    assert bystander in planned[4]
    run = commands.start(six, "day-1")
    run.until(lambda: changed in {each.get("agent") for each in run.ledger if each["step"] == "verified" and each.get("batch") == 2})
    orphans = {identity: of(six, identity).pid for identity in (changed, bystander)}
    six.fault("supervisord-killed", "--machine", "pc2", "--back-after", "0")  # nobody sweeps before `fault clear`
    code = run.end().code
    assert code in (3, 4), run.output
    if code == 4:
        settled = commands.settle(six, run.id)
        assert settled.code == 3, settled.output
    report = run.report
    assert report.outcome is Outcome.ROLLED_BACK
    assert report.rollback is not None
    assert (set(report.rollback.restored), report.rollback.quarantined) == ({*planned[1], *planned[2]}, {})
    assert six.health(changed)["pid"] == of(six, changed).pid
    assert (alive(orphans[changed]), alive(orphans[bystander])) == (False, True)
    assert six.health(bystander)["pid"] == orphans[bystander] == before[bystander].pid
    assert {each.agent for each in report.agents if each.verified is not True} == {bystander}
    assert bystander in report.sentence
    nothing_is_claimed(report)
    six.fault("clear")
    eventually(lambda: six.health(bystander) != {})
    assert_as_before(six, before, touched=[*planned[1], *planned[2], bystander])


def edit(program: Program) -> None:
    """A setting that waits for the next restart."""
    program.write((program.text or "").replace('LOG_LEVEL="INFO"', 'LOG_LEVEL="DEBUG"'))


def take_away(program: Program) -> None:
    """Its file; what runs goes on."""
    program.write(None)


def retire(program: Program) -> None:
    """Its file and its process."""
    program.write(None)
    program.update()


def newcomer(program: Program) -> None:
    """One more agent, on ports of its own; program: another one of its machine."""
    text = program.text or ""
    for word, other in ((program.name, NEWCOMER), ('PORT="7200"', 'PORT="7299"'), ('PORT="8200"', 'PORT="8299"')):
        text = text.replace(word, other)
    Program(program.place, program.machine, NEWCOMER).write(text)


DRIFT = {
    "its configuration was changed": edit,
    "its configuration was removed": take_away,
    "it is gone from its supervisor": retire,
    "its configuration was added": newcomer,
}


@pytest.mark.parametrize("said", DRIFT)
def test_somebody_else_changes_what_runs_on_a_machine(six: Place, commands: Commands, said: str) -> None:
    """Named and held before the next batch; neither the run nor its settling carries out what waits on disk, or touches anybody else."""
    planned, before = batches(six), six.seen()
    with hands_on(six, "mainpc", "ServiceRegistry") as program, hands_on(six, "mainpc", NEWCOMER) as new:
        odd = new if DRIFT[said] is newcomer else program
        run = commands.start(six, "day-1")
        run.until_batch("verified", 1)
        DRIFT[said](program)
        pid, text = odd.pid, odd.text
        assert run.end().code == 4, run.output
        report = run.report
        assert report.outcome is Outcome.HELD
        assert f"mainpc/{odd.name}: {said}" in report.cause
        assert report.cause.count("mainpc/") == 2  # once with the reason and once by name: nobody else
        assert [batch.decision for batch in report.batches] == ["promote"]
        nothing_is_claimed(report)
        assert six.get(planned[1][0], "/metrics")[0] == 200

        settled = commands.settle(six, run.id)
        assert settled.code == 3, settled.output
        assert run.report.outcome is Outcome.ROLLED_BACK
        assert run.report.rollback is not None
        assert run.report.rollback.restored == tuple(planned[1])
        assert (odd.pid, odd.text) == (pid, text)
        assert odd.waits() is (DRIFT[said] is not retire)
    assert_as_before(six, before, touched=[*planned[1], *(["mainpc/ServiceRegistry"] if DRIFT[said] is retire else [])])


def test_an_agent_that_was_added_and_started_is_none_of_the_runs(six: Place, commands: Commands) -> None:
    """It is in no fleet file: the day completes for its six, and neither touches it nor counts it."""
    with hands_on(six, "mainpc", NEWCOMER) as new:
        run = commands.start(six, "day-1")
        run.until_batch("verified", 1)
        newcomer(Program(six, "mainpc", "ServiceRegistry"))
        new.update()
        pid, text = new.pid, new.text
        assert run.end().code == 0, run.output
        assert run.report.outcome is Outcome.COMPLETE
        assert {each.agent for each in run.report.agents} == six.active() == set(six.site.agents)
        assert (new.pid, new.text) == (pid, text)


def of(place: Place, identity: str) -> Program:
    """An agent as a program."""
    return Program(place, *identity.split("/"))


def alive(pid: int | None) -> bool:
    """Whether such a process is there, a dead one that nobody has waited for not included."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
