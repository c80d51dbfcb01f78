"""A run whose process was stopped in mid-batch and settled by somebody else after its lease."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rollout.ledger import Step
from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, batches, rollout
from tests.end_to_end.place import Place, assert_as_before

pytestmark = [pytest.mark.lab, pytest.mark.full]


@pytest.mark.parametrize("step", [Step.INTENDED, Step.VERIFIED])
def test_who_was_stopped_and_settled_never_wakes_up(six: Place, commands: Commands, step: Step) -> None:
    """Inside its lease nobody may settle it; after that it is ended before its agents are brought back, and nothing comes of it any more."""
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
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    commands.until_state(run.id, "CRASHED", seconds=60)
    assert run.end().code == 3, run.output
    assert not Path(f"/proc/{pid}").exists()
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
