"""What a person said of a held run: heeded by the attempt that can, and good for what the person knew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.crossings import between_batches, stop_if_rejected
from flows.hold import answer_of
from flows.opening import own_the_fleet
from rollout.audit import Answer, AuditEntry
from rollout.change import Snapshot
from rollout.errors import Aborted, Held, Unreachable
from rollout.freeze import Freeze
from rollout.ledger import Step
from rollout.ownership import Ownership
from rollout.rollbacks import announce
from rollout.run_ledger import run_ledger
from rollout.site import Site
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of

RUN = "run-x"


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents on two machines."""
    return MemoryWorld()


@pytest.fixture
def site(world: MemoryWorld, tmp_path: Path) -> Site:
    """The place where they run."""
    return memory_site(world, tmp_path)


def held(site: Site) -> None:
    """A day 1 that is held and has given up its lease."""
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ledger = run_ledger(site.runs, RUN, site.clock)
    epoch = ownership.claim(RUN, site.runs)
    ledger.append(epoch, Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    ledger.append(epoch, Step.HELD, batch=2, cause="no source answers")
    ownership.release()


def say(site: Site, answer: Answer) -> AuditEntry:
    """Ann's answer, as an attempt of the run has recorded it."""
    site.clock.sleep(1.0)
    entry = AuditEntry(site.clock.now(), RUN, answer, "ann", "to be safe")
    run_of(site, 1).audit.append(entry)
    return entry


def test_a_word_to_go_back_outlives_an_attempt_that_died_before_it(site: Site) -> None:
    """The next attempt heeds it; once going back has begun it is used up, like every other answer at once."""
    held(site)
    entry = say(site, Answer.ROLL_BACK)
    assert answer_of(run_of(site, 1)) == entry
    site.clock.sleep(1.0)
    announce(run_of(site, 1).ledger, 2, "rolled back by ann", 120.0)
    assert answer_of(run_of(site, 1)) is None


def test_other_answers_are_used_up_by_the_attempt_that_took_them(site: Site) -> None:
    """A retry after a promote does not promote the next hold."""
    held(site)
    say(site, Answer.PROMOTE)
    assert answer_of(run_of(site, 1)) is None


def test_going_back_waits_for_no_other_machine(world: MemoryWorld, site: Site) -> None:
    """The held run's trouble may be that very machine: it is not asked how it is before the others come back."""
    held(site)
    say(site, Answer.ROLL_BACK)
    world.west.unreachable = True
    run = run_of(site, 1)
    own_the_fleet(run)
    assert run.answer is not None
    assert run.answer.said is Answer.ROLL_BACK
    run.ownership.release()


def test_a_run_that_goes_on_looks_at_all_machines_first(world: MemoryWorld, site: Site) -> None:
    """Without the word to go back nothing begins while a machine cannot be seen."""
    held(site)
    say(site, Answer.PROMOTE)
    world.west.unreachable = True
    with pytest.raises(Unreachable):
        own_the_fleet(run_of(site, 1))


@pytest.mark.parametrize(("frozen_from", "holds"), [(-100.0, False), (100.0, True)])
def test_a_promote_lets_a_run_through_the_freeze_that_was_known(site: Site, frozen_from: float, holds: bool) -> None:
    """Who promotes before a window opens has said nothing of that window."""
    run = run_of(site, 1)
    said = site.clock.now()
    run.answer = AuditEntry(said, RUN, Answer.PROMOTE, "ann", "seen by eye")
    begins, ends = (datetime.fromtimestamp(said + each, UTC) for each in (frozen_from, 1000.0))
    object.__setattr__(run.site.fleet, "freezes", (Freeze.model_validate({"from": begins, "to": ends, "reason": "holidays"}),))
    run.ownership.claim(RUN, site.runs)
    site.clock.sleep(200.0)
    if holds:
        with pytest.raises(Held, match="holidays"):
            between_batches(run)
    else:
        between_batches(run)


def test_a_rollback_that_an_attempt_left_unfinished_stands(site: Site) -> None:
    """Killed on its way back, or with agents left behind, the run's next attempt ends that way back; once they are back it is free."""
    held(site)
    ledger = run_of(site, 1).ledger
    ledger.intend(2, [Snapshot(f"east/Agent{number}", {}, "", 1, 0.0) for number in (0, 1)], 1)
    announce(ledger, 2, "gate batch_health: sick", 120.0)
    ledger.append(2, Step.RESTORED, ["east/Agent0"])
    for step in (Step.REVERTING, Step.QUARANTINED):
        ledger.append(2, step, ["east/Agent1"])
        with pytest.raises(Aborted, match="did not finish its rollback: gate batch_health: sick"):
            stop_if_rejected(run_of(site, 1))
    ledger.append(3, Step.RESTORED, ["east/Agent1"])
    stop_if_rejected(run_of(site, 1))


def test_agents_that_a_person_accepted_in_quarantine_are_no_unfinished_rollback(site: Site) -> None:
    """The run was closed as it is."""
    held(site)
    ledger = run_of(site, 1).ledger
    ledger.intend(2, [Snapshot("east/Agent0", {}, "", 1, 0.0)], 1)
    announce(ledger, 2, "gate batch_health: sick", 120.0)
    ledger.append(2, Step.QUARANTINED, ["east/Agent0"])
    ledger.append(3, Step.CLOSED, outcome="accept as it is")
    stop_if_rejected(run_of(site, 1))
