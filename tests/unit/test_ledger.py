"""The ledger: what is on disk survives the process that wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.change import Snapshot
from rollout.errors import InputError
from rollout.ledger import Ledger, Step
from tests.fakes.clock import JumpingClock


def _snapshot(agent: str) -> Snapshot:
    return Snapshot(agent, {"FLAG": None}, "print", 7, 1.5)


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    """Another process reads the same steps and the same prior states."""
    file = tmp_path / "run" / "ledger.jsonl"
    ledger = Ledger(file, JumpingClock())
    ledger.append(3, Step.OPENED, day=1, site="lab")
    ledger.intend(3, [_snapshot("east/A")], batch=2)
    assert Ledger(file, JumpingClock()).entries == ledger.entries
    assert Ledger(file, JumpingClock()).changed() == [_snapshot("east/A")]


def test_a_torn_last_line_is_no_entry_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    """A writer that died inside a line had not acted yet: the line counts for nothing."""
    file = tmp_path / "ledger.jsonl"
    Ledger(file, JumpingClock()).append(1, Step.OPENED)
    with file.open("a") as stream:
        stream.write('{"at":1,"step":"inten')
    ledger = Ledger(file, JumpingClock())
    assert [entry.step for entry in ledger.entries] == [Step.OPENED]
    ledger.append(1, Step.CLOSED)
    assert [entry.step for entry in Ledger(file, JumpingClock()).entries] == [Step.OPENED, Step.CLOSED]


def test_a_spoiled_line_in_the_middle_is_named(tmp_path: Path) -> None:
    """A ledger that somebody edited is not guessed at."""
    file = tmp_path / "ledger.jsonl"
    file.write_text('nonsense\n{"at":1,"epoch":1,"step":"closed"}\n')
    with pytest.raises(InputError, match=r"ledger\.jsonl: line 1: not a ledger entry"):
        Ledger(file, JumpingClock())


@pytest.mark.parametrize(("last", "settled"), [(Step.OPENED, False), (Step.VERIFIED, False), (Step.QUARANTINED, False), (Step.CLOSED, True)])
def test_only_a_closed_ledger_is_settled(tmp_path: Path, last: Step, settled: bool) -> None:
    """Everything short of closing still owns the fleet."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.append(1, Step.OPENED)
    ledger.append(1, last)
    assert ledger.settled is settled


def test_a_restored_agent_has_nothing_to_roll_back(tmp_path: Path) -> None:
    """Rollback reads the ledger backwards over what is still changed, last intended first."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    for agent in ("east/A", "east/B", "east/C"):
        ledger.intend(1, [_snapshot(agent)], batch=1)
    ledger.append(1, Step.RESTORED, ["east/B"])
    assert [snapshot.agent for snapshot in ledger.changed()] == ["east/C", "east/A"]


def test_a_decision_stands_until_an_agent_of_its_batch_is_touched_again(tmp_path: Path) -> None:
    """A retried run keeps batches that nobody has brought back since, and those alone."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    for batch, agent in ((1, "east/A"), (2, "east/B")):
        ledger.intend(1, [_snapshot(agent)], batch=batch)
        ledger.append(1, Step.VERIFIED, [agent], batch=batch)
        ledger.append(1, Step.DECIDED, batch=batch, goes_on=True)
    assert set(ledger.decisions()) == {1, 2}
    ledger.append(1, Step.REVERTING, ["east/B"])
    ledger.append(1, Step.RESTORED, ["east/B"])
    assert set(ledger.decisions()) == {1}
    ledger.intend(1, [_snapshot("east/B")], batch=2)
    ledger.append(1, Step.VERIFIED, ["east/B"], batch=2)
    assert set(ledger.decisions()) == {1}
    assert set(Ledger(ledger.file, JumpingClock()).decisions()) == {1}


def test_a_rehearsal_ends_the_time_before_of_its_canary(tmp_path: Path) -> None:
    """The latest intention outside the batches counts, of these agents only: its restarts must not be taken for how they were before."""
    clock = JumpingClock()
    ledger = Ledger(tmp_path / "ledger.jsonl", clock)
    assert ledger.rehearsed_at(["east/A"]) is None
    ledger.intend(1, [_snapshot("east/A")], batch=0)
    clock.sleep(60)
    ledger.intend(1, [_snapshot("east/A")], batch=0)
    again = clock.now()
    clock.sleep(60)
    ledger.intend(1, [_snapshot("east/A"), _snapshot("east/B")], batch=1)
    assert ledger.rehearsed_at(["east/A"]) == again
    assert ledger.rehearsed_at(["east/B"]) is None


def test_an_agents_time_away_runs_from_intention_to_read_back(tmp_path: Path) -> None:
    """Summed over rehearsal, change and rollback; without a read-back it is not known, and one that was found as wanted was never away."""
    clock = JumpingClock()
    ledger = Ledger(tmp_path / "ledger.jsonl", clock)
    ledger.intend(1, [_snapshot("east/A"), _snapshot("east/B")], batch=1)
    clock.sleep(2)
    ledger.append(1, Step.VERIFIED, ["east/A"], batch=1)
    ledger.append(1, Step.FOUND, ["east/C"])
    clock.sleep(100)
    ledger.append(1, Step.REVERTING, ["east/A"])
    clock.sleep(3)
    ledger.append(1, Step.RESTORED, ["east/A"])
    assert ledger.away_seconds() == {"east/A": 5.0, "east/B": None}


def test_an_agent_is_remembered_as_it_was_before_this_run_first_touched_it(tmp_path: Path) -> None:
    """A second intention saw our own change."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.intend(1, [_snapshot("east/A")], batch=1)
    ledger.intend(1, [Snapshot("east/A", {"FLAG": "true"}, "other", 8, 2.5)], batch=1)
    assert ledger.first_snapshots() == {"east/A": _snapshot("east/A")}
