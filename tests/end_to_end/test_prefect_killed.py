"""The Prefect server, or the worker, is killed in every phase of one day at work; their supervisor brings them back, and the day goes on."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from deployments.address import folder_of
from deployments.programs import Pool, Program, prefect_server, worker
from deployments.supervisor import Supervisor
from rollout.ledger import Step
from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, batches, rollout
from tests.end_to_end.place import Place, assert_as_before
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]

Entries = list[dict[str, Any]]


def wrote(step: Step, batch: int | None = None) -> Callable[[Entries], bool]:
    """Whether a ledger holds that step; batch: of an agent of that batch, 0 outside the batches."""
    return lambda entries: any(each["step"] == step.value and (batch is None or each.get("batch", 0) == batch) for each in entries)


def all_are_back(entries: Entries) -> bool:
    """Whether each agent that was to go back has been read back as it was: what is left is to conclude."""
    steps = [each["step"] for each in entries]
    if Step.ROLLING_BACK.value not in steps:
        return False
    at = steps.index(Step.ROLLING_BACK.value)
    return set(entries[at]["facts"]["going"]) <= {each["agent"] for each in entries[at:] if each["step"] == Step.RESTORED.value}


PHASES: dict[str, Callable[[Entries], bool]] = {
    "baseline": wrote(Step.OPENED),
    "rehearsal": wrote(Step.INTENDED, 0),
    "bake": wrote(Step.VERIFIED, 1),
    "activation": wrote(Step.INTENDED, 2),
    "rollback": wrote(Step.ROLLING_BACK),
    "conclusion": all_are_back,
}
"""When each has begun, in the order in which they come in a day whose second batch fails."""


@pytest.mark.parametrize("victim", [prefect_server(0), worker(Pool.ROLLOUT)], ids=["server", "worker"])
def test_it_dies_in_each_phase_of_a_day(six: Place, commands: Commands, victim: Program) -> None:
    """The run's own process, which nobody killed, acts, judges and rolls back as if nothing had happened; its report and its state arrive."""
    sick, before = batches(six)[2][0], six.seen()
    supervisor = Supervisor(folder_of(commands.folder) / "supervisor.sock")
    killed: dict[int, str] = {}

    def is_up() -> bool:
        return supervisor.programs()[victim.name].pid not in {0, *killed}

    six.fault("lies", "--agents", sick)
    run = commands.start(six, "day-1")
    for phase, begun in PHASES.items():
        run.until(lambda begun=begun: begun(run.ledger))  # type: ignore[misc]
        eventually(is_up)
        pid = supervisor.programs()[victim.name].pid
        os.kill(pid, signal.SIGKILL)
        killed[pid] = phase
    assert tuple(killed.values()) == tuple(PHASES)
    assert run.end().code == 3, run.output
    assert commands.until_state(run.id, "FAILED", "CRASHED", "COMPLETED", seconds=60)["type"] == "FAILED"
    eventually(is_up)

    six.fault("clear")
    assert_as_before(six, before, touched={entry["agent"] for entry in run.ledger if entry["step"] == "intended"})
    changes = Counter(entry["agent"] for entry in run.ledger if entry["step"] == "intended" and entry.get("batch"))
    assert set(changes.values()) == {1}
    assert run.ledger[-1]["step"] == "closed"
    report = run.report
    assert (report.outcome, report.exit_code) == (Outcome.ROLLED_BACK, 3)
    assert sick in report.cause
    assert [batch.decision for batch in report.batches] == ["promote", "roll back"]
    assert report.rollback is not None
    assert set(report.rollback.restored) == set(changes)
    assert {agent.state for agent in report.agents} == {"healthy, metrics off"}
    assert {criterion.id for criterion in report.criteria if criterion.verdict is Standing.MET} <= {"D1.R"}
    verified = rollout("verify", run.id)
    assert verified.code == 0, verified.output
