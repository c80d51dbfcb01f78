"""Days operated from Prefect while its parts fail: schedules, the schema of the form, a dead worker, a server that is away, emergencies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from deployments.address import folder_of
from deployments.processes import processes_of
from deployments.programs import Pool, prefect_server, worker
from deployments.supervisor import ProgramState, Supervisor
from rollout.report import Outcome
from tests.end_to_end.commands import Commands, Run, batches, rollout
from tests.end_to_end.place import Place, assert_as_before
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
LAPSE = 90.0
"""Seconds without a heartbeat after which a day's run counts as crashed."""


@pytest.fixture
def supervisor(commands: Commands) -> Supervisor:
    """Of the Prefect server and its workers."""
    return Supervisor(folder_of(commands.folder) / "supervisor.sock")


@pytest.fixture
def watched(commands: Commands) -> Iterator[None]:
    """The automations are on."""
    commands.automations(on=True)
    yield
    commands.automations(on=False)


def touched(run: Run) -> set[str]:
    """Agents that the run meant to change."""
    return {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}


def deployment(commands: Commands, name: str) -> str:
    """The id of a deployment, given as flow/name."""
    return str(commands.ask("GET", f"deployments/name/{name}").json()["id"])


def runs_of(commands: Commands, name: str) -> list[dict[str, Any]]:
    """Its flow runs, newest first."""
    wanted = {"deployments": {"id": {"any_": [deployment(commands, name)]}}, "sort": "START_TIME_DESC"}
    found: list[dict[str, Any]] = commands.ask("POST", "flow_runs/filter", wanted).json()
    return found


def test_a_schedule_starts_a_day(six: Place, commands: Commands) -> None:
    """A schedule that fires in a minute starts day 0 by itself, with its own parameters, and it completes."""
    day = deployment(commands, "day-0-readiness/day-0")
    soon = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    schedule = {"active": True, "schedule": {"interval": 86400, "anchor_date": soon}, "parameters": {"parameters": {"site": six.name}}}
    commands.ask("POST", f"deployments/{day}/schedules", [schedule])
    made = commands.ask("GET", f"deployments/{day}/schedules").json()
    try:
        eventually(lambda: any(run["auto_scheduled"] for run in runs_of(commands, "day-0-readiness/day-0")), 120)
        fired = min((run for run in runs_of(commands, "day-0-readiness/day-0") if run["auto_scheduled"]), key=lambda run: run["expected_start_time"])
        assert commands.until_state(fired["id"], *ENDED)["type"] == "COMPLETED"
        assert (six.state / "reports" / fired["id"] / "report.json").exists()
    finally:
        for each in made:
            if each["slug"] is None:
                commands.ask("DELETE", f"deployments/{day}/schedules/{each['id']}")


@pytest.mark.parametrize(
    ("given", "named"),
    [({"batch_size": "many"}, "batch_size"), ({"pace": 0}, "pace"), ({"speed": 3}, "speed"), ({"on_cancel": "maybe"}, "on_cancel")],
)
def test_a_wrong_parameter_is_refused_with_its_name(commands: Commands, given: dict[str, Any], named: str) -> None:
    """Before anything runs, by the schema that makes the form."""
    path = f"{commands.api}/deployments/{deployment(commands, 'day-1-metrics/day-1')}/create_flow_run"
    said = httpx.post(path, json={"parameters": {"parameters": given}}, timeout=30, trust_env=False)
    assert said.is_client_error
    assert named in said.text


@pytest.mark.usefixtures("watched")
def test_a_day_whose_worker_and_process_die_is_settled_after_the_lapse(six: Place, commands: Commands, supervisor: Supervisor) -> None:
    """Nobody is left who could say that it crashed: its silence does, and the fleet comes back with nobody's help."""
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("intended", 2)
    os.kill(supervisor.programs()[worker(Pool.ROLLOUT).name].pid, signal.SIGKILL)
    for process in processes_of(folder_of(commands.folder)):
        if process.run == run.id:
            os.kill(process.pid, signal.SIGKILL)
    died = time.time()
    eventually(lambda: bool(run.ledger) and run.ledger[-1]["step"] == "closed", LAPSE + 150)
    took = run.ledger[-1]["at"] - died
    assert 20 <= took <= LAPSE + 150
    assert commands.state(run.id)["type"] == "CRASHED"
    assert_as_before(six, before, touched=touched(run))
    run.end()


def test_a_server_that_is_away_for_a_minute_does_not_stop_a_day(six: Place, commands: Commands, supervisor: Supervisor) -> None:
    """Stopped in the middle of a bake and started a minute later: the run goes on meanwhile and completes."""
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    name = prefect_server(0).name
    supervisor.call("stopProcess", name)
    time.sleep(60)
    supervisor.start(name)
    ended = run.end()
    assert ended.code == 0, ended.output
    assert six.active() == set(six.site.agents)
    eventually(lambda: supervisor.programs()[name].state is ProgramState.RUNNING)
    commands.until_state(run.id, "COMPLETED", seconds=60)


def test_cancel_during_a_rollback_loses_nobody(six: Place, commands: Commands) -> None:
    """The rollback is finished, by the run itself or by settling; no agent keeps metrics and the ledger is closed."""
    before = six.seen()
    six.fault("lies", "--agents", batches(six)[3][0])
    run = commands.start(six, "day-1")
    run.until(lambda: any(entry["step"] == "reverting" and entry.get("batch", 0) == 0 for entry in run.ledger if entry["at"] > _lied(run)))
    commands.ask("POST", f"flow_runs/{run.id}/set_state", {"state": {"type": "CANCELLING"}})
    run.end()
    settled = commands.settle(six, run.id)
    assert settled.code in (0, 3), settled.output
    six.fault("clear")
    assert run.ledger[-1]["step"] == "closed"
    assert_as_before(six, before, touched=touched(run))


def _lied(run: Run) -> float:
    """When batch 3 was applied; what is reverted after that is the rollback, not its rehearsal."""
    return min((entry["at"] for entry in run.ledger if entry["step"] == "applied" and entry.get("batch") == 3), default=float("inf"))


def test_two_settles_at_once(six: Place, commands: Commands) -> None:
    """A killed run, settled by two people: one brings it back, the other finds it done or is told to wait, and nobody is restarted twice."""
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    for process in processes_of(folder_of(commands.folder)):
        if process.run == run.id:
            os.kill(process.pid, signal.SIGKILL)
    run.end()
    with ThreadPoolExecutor(2) as people:
        codes = sorted(ended.code for ended in people.map(lambda _: commands.settle(six, run.id), range(2)))
    assert codes in ([0, 3], [2, 3]), codes
    assert run.ledger[-1]["step"] == "closed"
    reverted = [entry["agent"] for entry in run.ledger if entry["step"] == "restored" and entry["at"] > before_settling(run)]
    assert len(reverted) == len(set(reverted))
    assert_as_before(six, before, touched=touched(run))


def before_settling(run: Run) -> float:
    """When the run itself did its last act."""
    return max(entry["at"] for entry in run.ledger if entry["step"] in ("verified", "applied", "intended"))


def test_a_held_run_outlives_its_worker(six: Place, commands: Commands, supervisor: Supervisor) -> None:
    """Suspended, the worker killed and started anew by its supervisor, then answered: the run goes on and completes."""
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    six.fault("prometheus-down")
    assert run.end().code == 4, run.output
    six.fault("clear")
    name = worker(Pool.ROLLOUT).name
    pid = supervisor.programs()[name].pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: supervisor.programs()[name].pid not in (0, pid))
    assert commands.answer(run.id, "extend", "the worker is new").code == 0
    assert commands.until_state(run.id, *ENDED)["type"] == "COMPLETED"
    assert six.active() == set(six.site.agents)


def test_an_emergency_from_the_ui_ends_a_day_at_work(six: Place, commands: Commands) -> None:
    """The day is aborted and rolls back; the emergency then finds nobody left with metrics, or takes off who is; both are on record."""
    before = six.seen()
    run = commands.start(six, "day-1")
    run.until_batch("verified", 2)
    form = {"parameters": {"site": six.name, "name": "bob", "reason": "pager"}}
    path = f"deployments/{deployment(commands, 'emergency-metrics/emergency-metrics')}/create_flow_run"
    called = commands.ask("POST", path, {"parameters": form}).json()["id"]
    assert commands.until_state(called, *ENDED)["type"] == "COMPLETED"
    assert run.end().code == 3, run.output
    assert run.report.outcome is Outcome.ROLLED_BACK
    assert "aborted by bob: emergency: pager" in run.report.cause
    assert_as_before(six, before, touched=touched(run))
    assert (six.state / "reports" / called / "report.json").exists()


def test_a_rehearsed_emergency_is_what_a_day_cites(six: Place, commands: Commands) -> None:
    """`rollout rehearse` needs no server: all on, all off inside two minutes, against the newest baseline; the next day 1 cites it for D1.R."""
    assert commands.start(six, "day-0").end().code == 0
    rehearsed = rollout("rehearse", "metrics", "--site", six.name, "--name", "ann")
    assert rehearsed.code == 0, rehearsed.output
    assert six.active() == set()
    run = commands.start(six, "day-1")
    assert run.end().code == 0, run.output
    (criterion,) = [criterion for criterion in run.report.criteria if criterion.id == "D1.R"]
    assert "Rehearsed on" in criterion.sentence
    assert "lab-six" in criterion.source
