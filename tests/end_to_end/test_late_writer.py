"""A run whose process was stopped in mid-batch, settled by somebody else after its lease, and then wakes up."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from rollout.ledger import Step
from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, batches, rollout
from tests.end_to_end.place import Place, assert_as_before
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]


@pytest.mark.parametrize("step", [Step.INTENDED, Step.VERIFIED])
def test_who_wakes_up_after_he_was_settled(six: Place, commands: Commands, step: Step) -> None:
    """Inside its lease nobody may settle it; after that it is brought back, and when it wakes it touches no agent and writes nothing."""
    planned, before = batches(six), six.seen()
    run = commands.start(six, "day-1")
    run.until_batch(step.value, 2)
    pid = json.loads((six.state / "fleets" / "six.json").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        early = commands.settle(six, run.id)
        assert early.code == 2, early.output
        assert f"worked on by run {run.id} (pid {pid}" in early.output
        time.sleep(json.loads((six.state / "fleets" / "six.json").read_text())["expires"] - time.time() + 0.1)
        settled = commands.settle(six, run.id)
        assert settled.code == 3, settled.output
        assert_as_before(six, before, touched={*planned[1], *planned[2]})
        after, written = six.seen(), contents(run.folder) | contents(run.folder.parents[1] / "runs" / run.id)
    finally:
        os.kill(pid, signal.SIGCONT)
    state = commands.until_state(run.id, "FAILED", "CRASHED", "COMPLETED", seconds=60)
    assert "belongs to" in state["message"]
    assert run.end().code == 3, run.output
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert six.seen() == after
    assert contents(run.folder) | contents(run.folder.parents[1] / "runs" / run.id) == written
    report = run.report
    assert (report.outcome, report.exit_code) == (Outcome.ROLLED_BACK, 3)
    assert "died" in report.cause
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
    verified = rollout("verify", run.id)
    assert verified.code == 0, verified.output


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below that folder."""
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
