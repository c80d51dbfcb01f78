"""The guard on a fleet in memory: a rollback that a person widens while it is at work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from prefect.exceptions import TerminationSignal

import flows.guard
import rollout.confirmation
from flows.day_run import DayRun
from flows.guard import rollback_on_failure
from rollout.audit import AuditEntry, Order
from rollout.confirmation import CUT_SHORT, Confirmation
from rollout.errors import ActFault, GateFailed
from rollout.executor import Executor, Reversal, roll_back_all
from rollout.ledger import Step
from rollout.plan import RollbackScope
from rollout.verdict import Evidence, Finding, Verdict
from tests.fakes.machine import FLAG, MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents on two machines."""
    return MemoryWorld()


@pytest.fixture
def run(world: MemoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DayRun:
    """A day 1 that brings back a failed batch alone, with the canary and batch 2 changed."""
    site = memory_site(world, tmp_path)
    made = run_of(site, 1, rollback_scope=RollbackScope.BATCH)
    made.ledger.append(made.ownership.claim(made.run_id, site.runs), Step.OPENED, day=1, plan="week3", site="memory", change="metrics")
    monkeypatch.setattr(flows.guard, "roll_back", lambda executors, agents, _what: roll_back_all(executors, agents))
    for batch in made.schedule.batches[:2]:
        made.begin(batch)
        assert not made.executor.activate(batch.agents, batch.index).failed
    return made


@pytest.mark.parametrize("when", ["nobody", "while they come back", "while they are looked at"])
def test_an_abort_during_a_rollback_takes_back_the_rest_too(world: MemoryWorld, run: DayRun, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """All that came back stands in the report, with both causes; the rest does not wait for a look at the first. Without an abort it stays."""
    canary, failed = (batch.ids for batch in run.schedule.batches[:2])
    looked_at: list[tuple[str, ...]] = []

    def abort_at(moment: str) -> None:
        if moment == when and not run.control.aborted:
            run.audit.append(AuditEntry(world.clock.now(), run.run_id, Order.ABORT, "ann", "stop it all"))

    def restored(executors: Sequence[Executor], agents: Sequence[str] | None, _what: str) -> Reversal:
        abort_at("while they come back")
        back = roll_back_all(executors, agents)
        world.clock.sleep(5.0)
        return back

    def confirmed(_site: object, _day: object, _baseline: object, reversal: Reversal, **_more: object) -> Confirmation | None:
        abort_at("while they are looked at")
        looked_at.append(reversal.restored)
        return None

    monkeypatch.setattr(flows.guard, "roll_back", restored)
    monkeypatch.setattr(flows.guard, "confirm", confirmed)
    monkeypatch.setattr(flows.guard, "confirm_way_back", confirmed)
    finding = Finding("batch_health.probes", Verdict.FAIL, "0", "1", "It is ill.", Evidence("told", "q", 0.0, 1.0, 9), failed[:1])
    began = world.clock.now()
    with pytest.raises(GateFailed), rollback_on_failure(run):
        raise GateFailed("batch_health", [finding])
    on = {identity for identity, each in world.all.items() if FLAG in each.process.environment}
    assert run.record.reversal is not None
    assert run.record.reversal.began == began
    if when == "nobody":
        assert on == set(canary)
        assert set(run.record.reversal.restored) == set(failed)
        assert "aborted" not in run.record.reversal_cause
        return
    assert on == set()
    assert sorted(run.record.reversal.restored) == sorted([*canary, *failed])
    assert "It is ill" in run.record.reversal_cause
    assert "then aborted by a person" in run.record.reversal_cause
    assert sorted(looked_at[-1]) == sorted([*canary, *failed])
    assert len(looked_at) == (1 if when == "while they come back" else 2)


def test_an_abort_does_not_wait_until_those_that_are_back_are_normal(world: MemoryWorld, run: DayRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch is back and not well; the canary, whom the abort takes back too, has to wait for one look and not for the rollback's budget."""
    failed = run.schedule.batches[1].ids
    looks: list[float] = []

    def share(*_: object) -> float:
        looks.append(world.clock.now())
        if len(looks) == 2:
            run.audit.append(AuditEntry(world.clock.now(), run.run_id, Order.ABORT, "ann", "stop it all"))
        return float(run.control.aborted and len(looks) > 2)

    monkeypatch.setattr(rollout.confirmation, "healthy_share", share)
    finding = Finding("batch_health.probes", Verdict.FAIL, "0", "1", "It is ill.", Evidence("told", "q", 0.0, 1.0, 9), failed[:1])
    with pytest.raises(GateFailed), rollback_on_failure(run):
        raise GateFailed("batch_health", [finding])
    assert not [identity for identity, each in world.all.items() if FLAG in each.process.environment]
    assert len(looks) == 3
    assert looks[-1] - looks[0] < 10


@pytest.mark.parametrize(
    ("cause", "verdict", "waits"), [(TerminationSignal(15), Verdict.INCONCLUSIVE, 30.0), (ActFault("no", ()), Verdict.FAIL, 180.0)]
)
def test_a_cancelled_run_is_not_killed_over_its_last_look(
    run: DayRun, monkeypatch: pytest.MonkeyPatch, cause: BaseException, verdict: Verdict, waits: float
) -> None:
    """Prefect gives it 30 s: all come back, and whether they are normal is left open in time for a report. Nobody hurries any other failure.

    waits: seconds that it takes at most.
    """
    monkeypatch.setattr(rollout.confirmation, "healthy_share", lambda *_: 0.5)
    began = run.site.clock.now()
    with pytest.raises(type(cause)), rollback_on_failure(run):
        raise cause
    (finding,) = run.record.findings["rollback"]
    assert finding.verdict is verdict
    assert (CUT_SHORT in finding.sentence) is (verdict is Verdict.INCONCLUSIVE)
    assert run.record.reversal is not None
    assert run.site.clock.now() - began < waits
