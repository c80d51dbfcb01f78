"""Day 1 with PC2 behind a real sshd, whole, and lost while its agents change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands
from tests.end_to_end.place import Place, assert_as_before
from tests.lab.door import NEEDED, Door, Loss, opened

pytestmark = [pytest.mark.lab, pytest.mark.full, *NEEDED]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Open at first."""
    with opened(tmp_path, Loss.ENDED, apart=False) as door:
        yield door


@pytest.fixture
def far(six: Place, door: Door) -> Iterator[Place]:
    """The lab of six with PC2 behind that door; its site file is there for as long as this lasts."""
    file = six.file.with_name(f"{six.name}-far.yaml")
    file.write_text(door.site_file(six))
    yield Place(file)
    file.unlink()


def test_a_day_over_ssh_completes(six: Place, far: Place, commands: Commands) -> None:
    """All six agents have metrics, of both machines, and what six agents can show is met as on a machine at hand."""
    run = commands.start(far, "day-1")
    assert run.end().code == 0, run.output
    assert run.report.outcome is Outcome.COMPLETE
    met = {criterion.id for criterion in run.report.criteria if criterion.verdict is Standing.MET}
    assert met == {"D1.1", "D1.3", "D1.4", "D1.5", "D1.7", "D1.8"}
    assert six.active() == set(six.site.agents)


def test_a_machine_that_is_lost_in_a_day_is_named_and_settled_when_it_is_back(six: Place, far: Place, door: Door, commands: Commands) -> None:
    """The day claims nothing and names the machine; what it could reach is as before, and `settle` brings back the rest once it is there."""
    before = six.seen()
    run = commands.start(far, "day-1")
    run.until(lambda: any(entry["step"] == "intended" and entry["agent"].startswith("pc2/") for entry in run.ledger))
    door.lose()
    assert run.end().code == 5, run.output
    touched = {entry["agent"] for entry in run.ledger if entry["step"] == "intended"}
    report = run.report
    assert report.outcome is Outcome.ROLLBACK_INCOMPLETE
    assert report.rollback is not None
    assert set(report.rollback.quarantined) == {identity for identity in touched if identity.startswith("pc2/")}
    assert "machine pc2 does not answer by ssh" in report.rollback.cause
    assert [criterion.id for criterion in report.criteria if criterion.verdict is Standing.MET] == []
    assert {identity for identity in six.active() if identity.startswith("mainpc/")} == set()
    door.come_back()
    assert commands.settle(far, run.id).code == 3
    assert_as_before(six, before, touched=touched)
    assert run.report.outcome is Outcome.ROLLED_BACK
