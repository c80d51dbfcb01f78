"""An incident opens and closes by what is seen, and its file survives everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.alert import Alert, AlertLevel
from rollout.errors import InputError
from rollout.incident import IncidentEntry, IncidentFile, IncidentStep, Seen, next_step
from rollout.plan import load_plan
from rollout.rollbacks import Rollback

ALERTING = load_plan(Path(__file__).parents[2] / "plans" / "week3.yaml").alerting
NOW = 1_000_000.0
GREEN, YELLOW = Alert(AlertLevel.GREEN, ()), Alert(AlertLevel.YELLOW, ("memory is up",))
ORANGE, RED = Alert(AlertLevel.ORANGE, ("east/A",)), Alert(AlertLevel.RED, ("all of east",))
GOING = Rollback("gate impact", 120, NOW - 3, None, None)
OPEN = IncidentEntry(NOW - 300, "incident-1", IncidentStep.OPENED, AlertLevel.ORANGE, "", "east/A")
CLOSED = IncidentEntry(NOW - 200, "incident-1", IncidentStep.CLOSED, AlertLevel.GREEN, "", "all is well")


@pytest.mark.parametrize(
    ("last", "seen", "step"),
    [
        (None, Seen(NOW, GREEN, NOW - 900), None),
        (None, Seen(NOW, YELLOW, NOW - 900), None),
        (None, Seen(NOW, ORANGE, NOW - 14), None),
        (None, Seen(NOW, ORANGE, NOW - 16), IncidentStep.OPENED),
        (None, Seen(NOW, RED, NOW - 16), IncidentStep.OPENED),
        (None, Seen(NOW, GREEN, NOW - 900, "run-1", GOING), IncidentStep.OPENED),
        (None, Seen(NOW, GREEN, NOW - 900, "run-1", Rollback("x", 120, NOW - 9, NOW - 3, NOW - 2)), IncidentStep.OPENED),
        (None, Seen(NOW, GREEN, NOW - 900, "run-1", Rollback("x", 120, NOW - 9000, NOW - 8990, NOW - 8989)), None),
        (CLOSED, Seen(NOW, GREEN, NOW - 900, "run-1", Rollback("x", 120, NOW - 210, NOW - 205, NOW - 203)), None),
        (OPEN, Seen(NOW, GREEN, NOW - 59), None),
        (OPEN, Seen(NOW, GREEN, NOW - 61), IncidentStep.CLOSED),
        (OPEN, Seen(NOW, YELLOW, NOW - 900), None),
        (OPEN, Seen(NOW, RED, NOW - 900), None),
        (OPEN, Seen(NOW, GREEN, NOW - 900, "run-1", GOING), None),
        (OPEN, Seen(NOW, GREEN, NOW - 900, "run-1", Rollback("x", 120, NOW - 90, NOW - 80, None)), None),
        (OPEN, Seen(NOW, GREEN, NOW - 900, "run-1", Rollback("x", 120, NOW - 90, NOW - 80, NOW - 79)), IncidentStep.CLOSED),
    ],
)
def test_what_follows_from_what_is_seen(last: IncidentEntry | None, seen: Seen, step: IncidentStep | None) -> None:
    """ORANGE and RED open when they have stood, a rollback at once, even one that was over between two looks; settled and GREEN closes."""
    entry = next_step(last, seen, ALERTING)
    assert (entry.step if entry else None) is step


def test_the_minutes_count_from_the_troubles_begin() -> None:
    """An incident's age is that of the trouble, not of its discovery; closing names the same incident."""
    opened = next_step(None, Seen(NOW, RED, NOW - 40), ALERTING)
    assert opened is not None
    assert (opened.at, opened.cause) == (NOW - 40, "all of east")
    rolled = next_step(None, Seen(NOW, RED, NOW - 1, "run-1", GOING), ALERTING)
    assert rolled is not None
    assert (rolled.at, rolled.run, rolled.cause) == (GOING.began, "run-1", "rollback: gate impact")
    closed = next_step(opened, Seen(NOW + 500, GREEN, NOW + 400), ALERTING)
    assert closed is not None
    assert closed.incident == opened.incident


def test_the_file_keeps_all_and_names_a_line_that_is_none(tmp_path: Path) -> None:
    """What was written is what a new process reads; a torn last line is none, a broken one is named."""
    file = IncidentFile(tmp_path)
    assert file.open() is None
    file.append(OPEN)
    assert IncidentFile(tmp_path).open() == OPEN
    file.append(CLOSED)
    assert (file.open(), file.entries()) == (None, [OPEN, CLOSED])
    with file.file.open("a") as stream:
        stream.write('{"at": 1')
    assert file.last() == CLOSED
    with file.file.open("a") as stream:
        stream.write("\n")
    with pytest.raises(InputError, match="line 3"):
        file.entries()
