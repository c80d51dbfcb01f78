"""One rollout at a time per fleet."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

import rollout.ownership
from rollout.errors import OwnershipLost, Refused, StillAtWork
from rollout.lease_clock import LeaseClock
from rollout.ledger import Ledger, Step
from rollout.ownership import LEASE, Claim, Ownership, birth_of
from rollout.run_ledger import run_ledger
from tests.fakes.clock import JumpingClock


def _open_ledger(folder: Path, run: str, clock: JumpingClock) -> Ledger:
    ledger = Ledger(folder / "runs" / run / "ledger.jsonl", clock)
    ledger.append(1, Step.OPENED, site="s")
    return ledger


def _claim_from_another_process(folder: Path, run: str) -> None:
    """A process that claims the fleet at the real time and dies."""
    program = (
        "from pathlib import Path; from rollout.ownership import Ownership; from rollout.clock import SystemClock;"
        f"Ownership(Path({str(folder)!r}) / 'fleets', 'f', SystemClock()).claim({run!r}, Path({str(folder)!r}) / 'runs')"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_an_unsettled_run_refuses_another_by_name_whatever_its_age(tmp_path: Path) -> None:
    """The refusal names the holder and the command that settles it."""
    clock = JumpingClock()
    _open_ledger(tmp_path, "old", clock)
    Ownership(tmp_path / "fleets", "f", clock).claim("old", tmp_path / "runs")
    clock.sleep(1e6)
    with pytest.raises(Refused, match="run old owns fleet f: settle it first with `rollout settle old --site s`"):
        Ownership(tmp_path / "fleets", "f", clock).claim("new", tmp_path / "runs")


def test_a_settled_run_gives_way(tmp_path: Path) -> None:
    """A closed ledger owns nothing, even if its process forgot to release."""
    clock = JumpingClock()
    ledger = _open_ledger(tmp_path, "old", clock)
    first = Ownership(tmp_path / "fleets", "f", clock)
    first.claim("old", tmp_path / "runs")
    ledger.append(1, Step.CLOSED)
    assert Ownership(tmp_path / "fleets", "f", clock).claim("new", tmp_path / "runs") == first.epoch + 1


def test_the_owner_of_an_older_epoch_may_not_act(tmp_path: Path) -> None:
    """A late writer sees the foreign epoch and stops."""
    clock = JumpingClock()
    late = Ownership(tmp_path / "fleets", "f", clock)
    late.claim("run", tmp_path / "runs")
    Ownership(tmp_path / "fleets", "f", clock).take_over("run")
    with pytest.raises(OwnershipLost):
        late.check()


def test_a_dead_process_may_be_settled_at_once(tmp_path: Path) -> None:
    """Where the process can be seen to be gone nobody waits for its lease."""
    _claim_from_another_process(tmp_path, "run")
    ownership = Ownership(tmp_path / "fleets", "f", JumpingClock())
    assert ownership.take_over("run") == 2


def test_a_living_owner_is_not_settled_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settling while the run still works would be two writers."""
    clock = JumpingClock()
    owner = os.getpid()
    Ownership(tmp_path / "fleets", "f", clock).claim("run", tmp_path / "runs")
    monkeypatch.setattr(os, "getpid", lambda: owner + 1_000_000)  # as another process of this machine sees it
    with pytest.raises(Refused, match=f"is worked on by run run \\(pid {owner}"):
        Ownership(tmp_path / "fleets", "f", clock).take_over("run")
    monkeypatch.setattr(rollout.ownership, "end_process_of", lambda _: None)  # it is this very process
    clock.sleep(LEASE + 1)
    assert Ownership(tmp_path / "fleets", "f", clock).take_over("run") == 2


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing, stopped."""
    with subprocess.Popen(["sleep", "600"]) as process:
        process.send_signal(signal.SIGSTOP)
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("host", "birth", "late", "ends"),
    [("", "", True, True), ("", "", False, False), ("elsewhere", "", True, False), ("", "4711", True, False)],
    ids=["its lease is over", "inside its lease", "on another machine", "its pid is another process's by now"],
)
def test_who_takes_a_fleet_over_ends_the_stopped_process_that_had_it(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], host: str, birth: str, *, late: bool, ends: bool
) -> None:
    """Woken between its last look at the claim and the act it would act on a fleet that is not its own; nobody else is ended."""
    clock = JumpingClock()
    claim = Claim("run", 1, sleeper.pid, birth or birth_of(sleeper.pid), host or socket.gethostname(), clock.now() + LEASE)
    ownership = Ownership(tmp_path / "fleets", "f", clock)
    (tmp_path / "fleets").mkdir()
    (tmp_path / "fleets" / "f.json").write_text(json.dumps(asdict(claim)))
    if late:
        clock.sleep(LEASE + 1)
        assert ownership.take_over("run") == 2
    else:
        with pytest.raises(StillAtWork):
            ownership.take_over("run")
    assert sleeper.poll() == (-signal.SIGKILL if ends else None)


def test_waiting_keeps_the_fleet(tmp_path: Path) -> None:
    """However long a process that owns the fleet waits, it never looks dead meanwhile; once it has given the fleet back it takes nothing."""
    clock = JumpingClock()
    ownership = Ownership(tmp_path / "fleets", "week3", clock)
    patient = LeaseClock(clock, ownership)
    ownership.claim("run-1", tmp_path / "runs")
    alive: list[bool] = []

    def look(now: float) -> None:
        holder = ownership.holder()
        alive.append(holder is not None and holder.alive(now))

    clock.on_sleep = look
    patient.sleep(10 * LEASE)
    assert clock.now() == 1_000_000.0 + 10 * LEASE
    assert all(alive)
    ownership.release()
    patient.sleep(LEASE)
    assert not alive[-1]


def test_who_waits_hears_that_the_fleet_is_lost(tmp_path: Path) -> None:
    """A wait ends when somebody else has claimed the fleet, instead of acting afterwards; the waits of what is left to tell go on."""
    clock = JumpingClock()
    ownership = Ownership(tmp_path / "fleets", "week3", clock)
    patient = LeaseClock(clock, ownership)
    ownership.claim("run-1", tmp_path / "runs")
    Ownership(tmp_path / "fleets", "week3", clock).take_over("run-2")
    with pytest.raises(OwnershipLost):
        patient.sleep(LEASE)
    patient.sleep(LEASE)


def test_an_open_ledger_owns_the_fleet_whoever_held_it_last(tmp_path: Path) -> None:
    """Another run may have taken over and ended; what the first one left open is still to be settled before a new run."""
    clock = JumpingClock()
    ownership = Ownership(tmp_path / "fleets", "week3", clock)
    first = run_ledger(tmp_path / "runs", "run-1", clock)
    first.append(ownership.claim("run-1", tmp_path / "runs"), Step.OPENED, day=1, plan="week3", site="lab")
    ownership.take_over("run-2")
    ownership.release()
    with pytest.raises(Refused, match="rollout settle run-1 --site lab"):
        ownership.claim("run-3", tmp_path / "runs")
    first.append(1, Step.CLOSED)
    assert ownership.claim("run-3", tmp_path / "runs") > 0
