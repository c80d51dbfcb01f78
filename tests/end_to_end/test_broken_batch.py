"""A batch that goes wrong is rolled back with everything before it, whatever went wrong in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, batches
from tests.end_to_end.place import Place, assert_as_before

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("lies", "/metrics"),
        pytest.param("malformed", "/metrics", marks=pytest.mark.full),
        pytest.param("truncated", "/metrics", marks=pytest.mark.full),
        pytest.param("crash-at-start", "process", marks=pytest.mark.full),
        pytest.param("hangs", "/health", marks=pytest.mark.full),
    ],
)
def test_an_agent_of_batch_2_breaks(six: Place, commands: Commands, fault: str, cause: str) -> None:
    """Exit code 3; the report names the agent and the reason; all six are off, their other settings as before, the untouched never stopped."""
    planned, before = batches(six), six.seen()
    sick = planned[2][0]
    six.fault(fault, "--agents", sick)
    run = commands.start(six, "day-1")
    assert run.end().code == 3, run.output

    report = run.report
    assert (report.outcome, report.exit_code) == (Outcome.ROLLED_BACK, 3)
    assert sick in report.cause
    assert cause in report.cause
    assert sick in report.sentence
    assert [batch.decision for batch in report.batches] == ["promote", "roll back"]
    assert {agent for check in report.batches[1].checks for agent in check.agents} == {sick}
    assert report.rollback is not None
    assert set(report.rollback.restored) == {*planned[1], *planned[2]}
    assert report.rollback.quarantined == {}
    assert report.rollback.seconds_to_restored < report.rollback.budget_seconds
    by_id = {criterion.id: criterion for criterion in report.criteria}
    assert by_id["D1.8"].verdict is Standing.NOT_MET
    assert by_id["D1.8"].agents == (sick,)
    assert Standing.MET not in {by_id[each].verdict for each in ("D1.1", "D1.2", "D1.4", "D1.5", "D1.6", "D1.7")}
    assert run.ledger[-1]["step"] == "closed"
    assert_as_before(six, before, touched=[*planned[1], *planned[2]])


LATE = {
    "crashes by itself": ("crash-after", "--seconds", "1", "--always"),
    "answers errors": ("errors", "--percent", "60"),
    "hangs": ("hangs",),
}


@pytest.mark.full
@pytest.mark.parametrize("how", LATE)
def test_an_agent_of_batch_2_breaks_after_it_was_fine(six: Place, commands: Commands, how: str) -> None:
    """An activation that was verified proves nothing about the minutes after it: the bake finds the agent, names it, and all come back."""
    planned, before = batches(six), six.seen()
    sick = planned[2][0]
    run = commands.start(six, "day-1")
    run.until(lambda: sick in {each.get("agent") for each in run.ledger if each["step"] == "verified" and each.get("batch") == 2})
    fault, *options = LATE[how]
    six.fault(fault, *options, "--agents", sick)
    run.until(lambda: any(each["step"] == "rolling back" for each in run.ledger))
    six.fault("clear")
    assert run.end().code == 3, run.output

    report = run.report
    assert report.outcome is Outcome.ROLLED_BACK
    assert sick in report.cause
    assert [batch.decision for batch in report.batches] == ["promote", "roll back"]
    assert report.rollback is not None
    assert set(report.rollback.restored) == {*planned[1], *planned[2]}
    assert report.rollback.quarantined == {}
    by_id = {criterion.id: criterion.verdict for criterion in report.criteria}
    assert Standing.MET not in {by_id[each] for each in ("D1.1", "D1.2", "D1.4", "D1.5", "D1.6", "D1.7", "D1.8")}
    assert_as_before(six, before, touched=[*planned[1], *planned[2]])


@pytest.mark.full
@pytest.mark.parametrize("how", LATE)
def test_an_agent_of_batch_2_breaks_between_two_looks(six: Place, commands: Commands, how: str) -> None:
    """The first look of its bake found nothing: the last one does, or that of the next batch, which looks at all that was changed; all come back."""
    planned, before = batches(six), six.seen()
    sick = planned[2][0]
    run = commands.start(six, "day-1")
    run.until(lambda: len(looks(run, 2)) == 1)
    fault, *options = LATE[how]
    six.fault(fault, *options, "--agents", sick)
    first, *later = looks(run, 2)
    assert ({verdict for verdict, _ in first["found"].values()}, later) == ({"PASS"}, [])
    run.until(lambda: any(each["step"] == "rolling back" for each in run.ledger))
    six.fault("clear")
    assert run.end().code == 3, run.output

    report = run.report
    assert report.outcome is Outcome.ROLLED_BACK
    assert sick in report.cause
    *promoted, last = report.batches
    assert ({batch.decision for batch in promoted}, last.decision) == ({"promote"}, "roll back")
    assert len(report.batches) == 2 or how != "crashes by itself"
    assert len(report.batches) <= 3
    assert {agent for check in last.checks if check.verdict == "FAIL" for agent in check.agents} == {sick}
    changed = {agent for batch in report.batches for agent in batch.agents}
    assert report.rollback is not None
    assert (set(report.rollback.restored), report.rollback.quarantined) == (changed, {})
    by_id = {criterion.id: criterion for criterion in report.criteria}
    assert (by_id["D1.8"].verdict, by_id["D1.8"].agents) == (Standing.NOT_MET, (sick,))
    assert Standing.MET not in {by_id[each].verdict for each in ("D1.1", "D1.2", "D1.4", "D1.5", "D1.6", "D1.7")}
    assert_as_before(six, before, touched=changed)


def looks(run: Run, batch: int) -> list[dict[str, Any]]:
    """What the health gate was shown and found at each look of that batch's bake so far, as the report's folder keeps it."""
    file = run.folder / "gates.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [each for each in map(json.loads, lines) if (each["suite"], each["what"]) == ("batch_health", f"after batch {batch}")]
