"""The report: findings become criteria without a softer word, and the text says what the values say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from rollout.markdown import LISTED, render
from rollout.report import DayReport, Outcome
from rollout.report_entries import check_report, criterion_report
from rollout.report_file import read_report, write_report
from rollout.verdict import Evidence, Finding, Standing, Verdict
from tests.unit.reports import AGENT, BATCH, CHECK, CRITERION, ROLLBACK, report

SEEN = Evidence("probe", "GET /metrics", 1.0, 2.0, 77)


def finding(verdict: Verdict, evidence: Evidence | None = SEEN) -> Finding:
    """One finding with that verdict."""
    return Finding(f"gate.{verdict.name}", verdict, f"saw {verdict.name}", "all", f"It is {verdict.name}.", evidence, ("east/A",))


def test_a_criterion_without_a_finding_was_not_measured() -> None:
    """No data is never a success."""
    criterion = criterion_report("D1.5", "all answer", "77 of 77", [])
    assert (criterion.verdict, criterion.observed, criterion.samples, criterion.window) == (Standing.NOT_MEASURED, "not measured", 0, None)


@pytest.mark.parametrize(
    ("verdicts", "standing"),
    [
        ([Verdict.PASS, Verdict.PASS], Standing.MET),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], Standing.NOT_PROVEN),
        ([Verdict.ERROR, Verdict.PASS], Standing.NOT_MEASURED),
        ([Verdict.PASS, Verdict.FAIL, Verdict.ERROR], Standing.NOT_MET),
    ],
)
def test_the_worst_finding_speaks_for_a_criterion(verdicts: list[Verdict], standing: Standing) -> None:
    """With its own words, agents and evidence."""
    criterion = criterion_report("D1.5", "all answer", "77 of 77", [finding(verdict) for verdict in verdicts])
    worst = max(verdicts)
    assert criterion.verdict is standing
    assert criterion.sentence == f"It is {worst.name}."
    assert (criterion.source, criterion.query, criterion.window, criterion.samples) == ("probe", "GET /metrics", (1.0, 2.0), 77)
    assert ("not measured" in criterion.observed) is (worst is Verdict.ERROR)


def test_a_finding_without_evidence_shows_none() -> None:
    """An error that was never measured has no window and no samples."""
    criterion, check = (criterion_report("X", "x", "all", [finding(Verdict.ERROR, None)]), check_report("gate", finding(Verdict.ERROR, None)))
    assert (criterion.source, criterion.window, criterion.samples) == ("", None, 0)
    assert (check.verdict, check.samples, check.agents) == ("ERROR", 0, ("east/A",))


def test_a_report_keeps_the_keys_that_were_promised() -> None:
    """Programs read them by these names, under a version."""
    promised = "run_id day outcome exit_code sentence pace started ended criteria batches agents rollback unknowns evidence schema_version"
    assert set(promised.split()) <= json.loads(report().model_dump_json()).keys()


def test_every_outcome_has_an_exit_code_of_its_own() -> None:
    """0, 2, 3, 4, 5, 6: scripts can tell them apart."""
    assert sorted(outcome.exit_code for outcome in Outcome) == [0, 2, 3, 4, 5, 6]


def test_a_report_on_disk_is_the_report(tmp_path: Path) -> None:
    """Written whole, replaced whole, read back equal; nothing is left aside."""
    folder = tmp_path / "reports" / "run-1"
    assert read_report(folder) is None
    write_report(folder, report())
    write_report(folder, report(rollback=ROLLBACK, outcome=Outcome.ROLLED_BACK, exit_code=3))
    assert read_report(folder) == report(rollback=ROLLBACK, outcome=Outcome.ROLLED_BACK, exit_code=3)
    assert sorted(file.name for file in folder.iterdir()) == ["report.json", "report.md"]


def test_a_report_of_another_shape_is_refused(tmp_path: Path) -> None:
    """A key that nobody knows, or a verdict that does not exist, is not passed over."""
    (tmp_path / "report.json").write_text(report().model_dump_json().replace('"sentence"', '"sentense"', 1), encoding="utf-8")
    with pytest.raises(ValidationError):
        read_report(tmp_path)
    with pytest.raises(ValidationError):
        DayReport.model_validate(report().model_dump() | {"schema_version": 2})


def test_only_a_met_criterion_is_set_in_bold() -> None:
    """Nothing else may look like a success."""
    for standing in Standing:
        text = render(report(criteria=(CRITERION.model_copy(update={"verdict": standing}),)))
        assert (f"**{standing.value}**" in text) is (standing is Standing.MET)
        assert standing.value in text


def test_the_text_tells_batches_agents_and_evidence() -> None:
    """A person finds in it what the values say."""
    text = render(report())
    for part in ("| 1 | east/A | 2.5 s | 30.0 s | promote | 2 checks passed |", "| east/A | 1 | verified | healthy, metrics on | 7 | 8 |",
                 "samples/batch-01.parquet sha256:0", "pace 30", "300 s", "Nothing that this run was asked for stayed unknown."):  # fmt: skip
        assert part in text
    assert "Rehearsal" not in text
    assert "## Rollback" not in text


def test_what_did_not_pass_stands_beside_its_batch() -> None:
    """The reason instead of a count."""
    bad = CHECK.model_copy(update={"verdict": "FAIL", "sentence": "east/A does not run"})
    assert "east/A does not run" in render(report(batches=(BATCH.model_copy(update={"checks": (CHECK, bad)}),)))


def test_unknowns_and_rehearsal_settings_are_always_told() -> None:
    """What is shortened or not known is no footnote."""
    text = render(report(unknowns=("latency: no source",), rehearsal="bake 30/8/22"))
    assert "- latency: no source" in text
    assert "Rehearsal settings in force: bake 30/8/22." in text


def test_a_rollback_tells_its_clocks_and_who_was_left_behind() -> None:
    """What was not measured says so."""
    text = render(report(rollback=ROLLBACK.model_copy(update={"quarantined": {"east/B": "cannot be restored"}})))
    assert "| Restored and read back | 1 agents in 12.3 s of 120 s |" in text
    assert "| Healthy and grossly normal | not measured |" in text
    assert "east/B: cannot be restored" in text


def test_text_cannot_break_out_of_its_cell() -> None:
    """An agent's answer is somebody else's text."""
    text = render(report(agents=(AGENT.model_copy(update={"state": "a | b\n<script>"}),)))
    assert "| a \\| b &lt;script> |" in text


def test_long_lists_of_names_are_counted() -> None:
    """A cell stays readable."""
    names = tuple(f"east/A{number}" for number in range(LISTED + 3))
    assert "and 3 more" in render(report(batches=(BATCH.model_copy(update={"agents": names}),)))
