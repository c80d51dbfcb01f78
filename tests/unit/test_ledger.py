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


def test_what_a_late_writer_did_after_the_restore_can_still_be_brought_back(tmp_path: Path) -> None:
    """A process that lost the fleet while it acted writes that down when it wakes up; settling knows what the agent was."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.append(1, Step.OPENED)
    ledger.intend(1, [_snapshot("east/A")], batch=1)
    ledger.append(2, Step.RESTORED, ["east/A"])
    ledger.append(2, Step.CLOSED)
    ledger.append(1, Step.APPLIED, ["east/A"], batch=1)
    assert not ledger.settled
    assert ledger.changed() == [_snapshot("east/A")]


def test_a_late_word_that_an_agent_is_back_is_not_believed(tmp_path: Path) -> None:
    """Whoever has the fleet now may have changed it since: to call it changed costs a look, to call it back could lose it, and its decision."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.append(1, Step.OPENED)
    ledger.intend(1, [_snapshot("east/A")], batch=0)
    ledger.append(1, Step.REVERTING, ["east/A"])
    ledger.append(2, Step.OPENED)
    ledger.intend(2, [_snapshot("east/A")], batch=1)
    ledger.append(2, Step.VERIFIED, ["east/A"], batch=1)
    ledger.append(2, Step.DECIDED, batch=1, goes_on=True)
    ledger.append(1, Step.RESTORED, ["east/A"])
    assert ledger.in_step(Step.VERIFIED) == ("east/A",)
    assert set(ledger.decisions()) == {1}
    assert ledger.changed() == [_snapshot("east/A")]


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
    assert set(ledger.decisions(brought_back=True)) == {1, 2}
    ledger.intend(1, [_snapshot("east/B")], batch=2)
    ledger.append(1, Step.VERIFIED, ["east/B"], batch=2)
    assert set(ledger.decisions()) == set(ledger.decisions(brought_back=True)) == {1}
    assert set(Ledger(ledger.file, JumpingClock()).decisions()) == {1}


def test_each_change_of_a_run_has_its_own_part(tmp_path: Path) -> None:
    """One agent under two changes: each part knows its own step and snapshot, and the whole knows that the agent is not back from both."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.append(1, Step.OPENED, change="hubs", site="s", day=2)
    hubs, routing = ledger.part("hubs"), ledger.part("routing")
    hubs.intend(1, [Snapshot("pc2/Hub", {"program": None}, "", 0, 0.0)], 1)
    hubs.append(1, Step.VERIFIED, ["pc2/Hub"], batch=1)
    routing.intend(1, [Snapshot("pc2/Hub", {"edge": None}, "", 0, 0.0)], 2)
    routing.append(1, Step.REVERTING, ["pc2/Hub"])
    routing.append(1, Step.RESTORED, ["pc2/Hub"])
    read = Ledger(ledger.file, JumpingClock())
    assert read.changes() == ("hubs", "routing")
    assert read.part("hubs").last_steps() == {"pc2/Hub": Step.VERIFIED}
    assert read.part("routing").last_steps() == {"pc2/Hub": Step.RESTORED}
    assert read.part("routing").changed() == []
    assert [snapshot.settings for snapshot in read.part("hubs").changed()] == [{"program": None}]
    assert read.last_steps() == {"pc2/Hub": Step.VERIFIED}


def test_the_newest_change_comes_back_first(tmp_path: Path) -> None:
    """Of an agent under two changes that stand, the whole ledger names the later prior state first."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.append(1, Step.OPENED, change="hubs")
    ledger.part("hubs").intend(1, [Snapshot("pc2/Hub", {"program": None}, "", 0, 0.0)], 1)
    ledger.part("routing").intend(1, [Snapshot("pc2/Hub", {"edge": None}, "", 0, 0.0)], 2)
    assert [dict(snapshot.settings) for snapshot in ledger.changed()] == [{"edge": None}, {"program": None}]


def test_an_entry_that_names_no_change_belongs_to_the_runs_first(tmp_path: Path) -> None:
    """Ledgers of runs with one change do not name it; a part of that change finds and finishes them."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.append(1, Step.OPENED, change="metrics")
    ledger.intend(1, [Snapshot("pc2/A", {"FLAG": None}, "", 0, 0.0)], 1)
    part = ledger.part("metrics")
    assert [snapshot.agent for snapshot in part.changed()] == ["pc2/A"]
    part.append(1, Step.RESTORED, ["pc2/A"])
    assert ledger.changed() == []
    assert ledger.changes() == ("metrics",)


def test_a_decision_on_a_hub_stands_while_its_routes_come_back(tmp_path: Path) -> None:
    """Bringing back one change of an agent does not undo what was decided on another change of it."""
    ledger = Ledger(tmp_path / "ledger.jsonl", JumpingClock())
    ledger.append(1, Step.OPENED, change="hubs")
    ledger.part("hubs").intend(1, [Snapshot("pc2/Hub", {}, "", 0, 0.0)], 1)
    ledger.append(1, Step.DECIDED, batch=1, goes_on=True)
    ledger.part("routing").intend(1, [Snapshot("pc2/Hub", {}, "", 0, 0.0)], 3)
    ledger.append(1, Step.DECIDED, batch=3, goes_on=True)
    ledger.part("routing").append(1, Step.REVERTING, ["pc2/Hub"])
    assert set(ledger.decisions()) == {1}


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
