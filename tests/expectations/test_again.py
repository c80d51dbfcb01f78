"""What a run's gates were given can be judged again: the same verdicts, or a line that says which differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from known_good import AGENTS, BOUNDS, EVIDENCE, METRICS, good_frame

from expectations import validate
from expectations.again import judge_again
from rollout.gate_file import GATES, add_gate, gate_record, read_gates
from rollout.report import CheckReport, DayReport
from rollout.report_entries import check_report
from rollout.verification import Claim
from tests.unit.reports import report

pytestmark = pytest.mark.slow


def stored(folder: Path, suite: str, spoil: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame) -> DayReport:
    """A folder whose run judged that suite's good frame, spoilt; and the report with what was found."""
    frame = spoil(good_frame(suite))
    findings = validate(suite, frame, BOUNDS, EVIDENCE, agents=AGENTS, metrics=METRICS)
    add_gate(folder, gate_record(suite, frame, BOUNDS, EVIDENCE.samples, AGENTS, METRICS, "all", findings))
    return report(batches=(), checks=tuple(check_report(suite, finding) for finding in findings), evidence={GATES: "sha256:0"})


def broken(folder: Path, written: DayReport) -> list[Claim]:
    """The claims that do not hold; there is more than one claim in any case."""
    claims = list(judge_again(folder, written))
    assert len(claims) > 1
    return [claim for claim in claims if claim.objection]


def without_status(frame: pd.DataFrame) -> pd.DataFrame:
    """One agent did not answer: a hole among whole numbers, as the witnesses leave it."""
    status: list[int | None] = [200] * len(frame)
    status[1] = None
    return frame.assign(health_status=pd.Series(status, dtype=object, index=frame.index))


@pytest.mark.parametrize(
    ("suite", "spoil"),
    [
        pytest.param("activation", lambda frame: frame, id="good"),
        pytest.param("activation", without_status, id="hole"),
        pytest.param("activation", lambda frame: frame.iloc[1:], id="missing row"),
        pytest.param("batch_errors", lambda frame: frame.assign(error_ratio=[0.5, float("nan"), float("inf"), 0.1 + 0.2, 0.0]), id="not finite"),
        pytest.param("hub_consistency", lambda frame: frame, id="pair"),
    ],
)
def test_what_was_found_is_found_again(tmp_path: Path, suite: str, spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Good, with holes, with rows missing, with what is no number: verdicts and sentences are the same from the file alone."""
    assert broken(tmp_path, stored(tmp_path, suite, spoil)) == []


def test_another_value_is_another_verdict(tmp_path: Path) -> None:
    """A stored row that was touched no longer gives what was found."""
    written = stored(tmp_path, "activation")
    record = json.loads((tmp_path / GATES).read_text(encoding="utf-8"))
    record["rows"][0][list(record["dtypes"]).index("running")] = False
    (tmp_path / GATES).write_text(json.dumps(record) + "\n", encoding="utf-8")
    (claim,) = broken(tmp_path, written)
    assert "activation.running is FAIL, not PASS" in claim.objection


def test_a_report_that_says_more_than_its_gates_is_told(tmp_path: Path) -> None:
    """A check set to PASS in the report alone, which the stored judgement does not bear out."""
    written = stored(tmp_path, "activation", lambda frame: frame.assign(running=False))
    forged = tuple(check.model_copy(update={"verdict": "PASS"}) for check in written.checks)
    told = [claim.what for claim in broken(tmp_path, written.model_copy(update={"checks": forged}))]
    assert told == ["check activation.running"]


def test_a_sentence_may_say_what_was_judged(tmp_path: Path) -> None:
    """Levels of a load test are told apart by their names; a name that no gate judged does not hold."""
    written = stored(tmp_path, "activation")
    named = [written.model_copy(update={"checks": tuple(_named(check, what) for check in written.checks)}) for what in ("All", "Peak")]
    assert broken(tmp_path, named[0]) == []
    assert len(broken(tmp_path, named[1])) == len(written.checks)


def _named(check: CheckReport, what: str) -> CheckReport:
    return check.model_copy(update={"sentence": f"{what}: {check.sentence}"})


def test_a_file_that_cannot_be_read_is_one_claim(tmp_path: Path) -> None:
    """Named by its line; nothing is judged from half a file."""
    written = stored(tmp_path, "activation")
    with (tmp_path / GATES).open("a", encoding="utf-8") as stream:
        stream.write('{"suite": "activation"}\n')
    (claim,) = judge_again(tmp_path, written)
    assert "line 2" in claim.objection


def test_a_file_that_the_report_does_not_vouch_for_is_told(tmp_path: Path) -> None:
    """Leaving it out of the report does not make its judgements go away."""
    written = stored(tmp_path, "activation").model_copy(update={"evidence": {}})
    (claim,) = judge_again(tmp_path, written)
    assert "does not vouch" in claim.objection


def test_numbers_keep_every_digit(tmp_path: Path) -> None:
    """A value beside its bound must not cross it on its way through the file."""
    stored(tmp_path, "batch_errors", lambda frame: frame.assign(error_ratio=0.1 + 0.2))
    (record,) = read_gates(tmp_path)
    assert set(record.frame["error_ratio"]) == {0.1 + 0.2}
