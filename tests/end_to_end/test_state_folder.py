"""The disk of the state folder becomes read-only, or full, in mid-batch: the day stops, says so, and comes back once it can be written."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rollout.ledger import Step
from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches, rollout
from tests.end_to_end.place import Place, assert_as_before

pytestmark = [pytest.mark.lab, pytest.mark.full]

SIZE = 4 * 1024 * 1024
"""Bytes of the state folder's disk; a day on six agents takes a tenth of it."""


class StateDisk:
    """A small disk that holds a site's state folder and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def read_only(self) -> None:
        """Nothing can be written any more, as after an error of the disk."""
        for _ in range(50):  # refused while somebody has a file open for writing
            if not _mount("-o", "remount,ro", str(self.folder)):
                return
            time.sleep(0.02)
        pytest.fail(f"{self.folder} did not become read-only")

    def fill(self) -> None:
        """Not one block is left."""
        with self._ballast.open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(bytes(4096))
            except OSError:
                pass

    def mend(self) -> None:
        """It can be written again."""
        assert not _mount("-o", "remount,rw", str(self.folder))
        self._ballast.unlink(missing_ok=True)


def _mount(*words: str) -> str:
    """What mount(8) says; nothing when it did it."""
    return subprocess.run(["mount", *words], capture_output=True, text=True, check=False).stderr


@pytest.fixture
def disk(six: Place, tmp_path: Path) -> Iterator[StateDisk]:
    """The state folder of the lab of six on a disk of its own; the lab's folder in it stays where it is."""
    lab = six.site.state
    aside = tmp_path / "lab"
    aside.mkdir()
    if refused := _mount("--bind", str(lab), str(aside)):
        pytest.skip(f"a disk for the state folder alone cannot be mounted here: {refused.strip()}")
    mounted = [aside]
    try:
        assert not _mount("-t", "tmpfs", "-o", f"size={SIZE}", "none", str(six.state))
        mounted.append(six.state)
        lab.mkdir()
        assert not _mount("--bind", str(aside), str(lab))
        mounted.append(lab)
        yield StateDisk(six.state)
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize(
    ("breaks", "step", "said"),
    [(StateDisk.read_only, Step.INTENDED, "Read-only file system"), (StateDisk.fill, Step.VERIFIED, "No space left on device")],
    ids=["read-only", "full"],
)
def test_a_day_whose_state_cannot_be_written(
    six: Place, commands: Commands, disk: StateDisk, breaks: Callable[[StateDisk], None], step: Step, said: str
) -> None:
    """It stops before the next agent, with exit code 4 and the reason; settling waits for the disk, then brings back all that the ledger names."""
    planned, before = batches(six), six.seen()
    run = commands.start(six, "day-1")
    run.until_batch(step.value, 2)
    breaks(disk)
    ended = run.end()
    assert ended.code == 4, ended.output
    last = ended.output.splitlines()[-1]
    assert f"run {run.id} ended Failed and wrote no report" in last
    assert f"cannot be written ({said})" in last
    assert f"`rollout settle {run.id} --site lab-six` brings back" in last
    assert "OSError" not in ended.output

    named = {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}
    stopped = six.seen()
    assert named == {*planned[1], *planned[2]}
    assert {identity for identity, state in stopped.items() if state != before[identity]} <= named
    waits = commands.settle(six, run.id)
    assert waits.code == 4, waits.output
    assert re.fullmatch(rf"rollout: .* cannot be written \({said}\), so nothing more is done; settle the run when it can\n", waits.output)
    assert six.seen() == stopped

    disk.mend()
    settled = commands.settle(six, run.id)
    assert settled.code == 3, settled.output
    assert_as_before(six, before, touched=named)
    report = run.report
    assert (report.outcome, report.exit_code) == (Outcome.ROLLED_BACK, 3)
    assert report.cause == why(run)
    assert report.batches[0].decision == "promote"
    assert report.rollback is not None
    assert set(report.rollback.restored) == named
    assert Standing.MET not in {criterion.verdict for criterion in report.criteria}
    assert run.ledger[-1]["step"] == "closed"
    verified = rollout("verify", run.id)
    assert verified.code == 0, verified.output


def why(run: Run) -> str:
    """What the ledger says of the end; a full disk may still have had room for that line, a read-only one has not."""
    return next((entry["facts"]["cause"] for entry in run.ledger if entry["step"] == "held"), "the run's process died before it could say why")
