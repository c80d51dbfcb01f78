"""What makes a report's folder whole: ledger and people's words are in it, and nothing of that costs the report."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from flows.conclusion import _draw
from flows.day_run import DayRun
from rollout.audit import AuditEntry, AuditFile, Order
from rollout.evidence import digest, found_files, with_records
from rollout.report_file import read_report, write_report
from tests.unit.reports import report


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Some run's ledger."""
    file = tmp_path / "runs" / "run-1" / "ledger.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('{"at":1,"epoch":1,"step":"opened"}\n', encoding="utf-8")
    return file


def test_the_ledger_is_copied_and_hashed_and_people_are_quoted(tmp_path: Path, ledger: Path) -> None:
    """Only what was said to this run; evidence that was there stays."""
    audit = AuditFile(tmp_path)
    audit.append(AuditEntry(5.0, "run-1", Order.PAUSE, "Ada", "lunch"))
    audit.append(AuditEntry(6.0, "run-2", Order.ABORT, "Bob", "no"))
    made = with_records(report(), tmp_path / "folder", ledger, audit)
    copy = tmp_path / "folder" / "ledger.jsonl"
    assert copy.read_bytes() == ledger.read_bytes()
    assert made.evidence == {**report().evidence, "ledger.jsonl": digest(copy)}
    assert [(each.at, each.said, each.name, each.reason) for each in made.people] == [(5.0, "pause", "Ada", "lunch")]


def test_a_spoiled_audit_file_costs_no_report(tmp_path: Path, ledger: Path) -> None:
    """What people said is unknown then, and the report says so."""
    (tmp_path / "audit.jsonl").write_text("nonsense\n", encoding="utf-8")
    made = with_records(report(), tmp_path / "folder", ledger, AuditFile(tmp_path))
    assert not made.people
    assert made.unknowns[0].startswith("what people said to this run: ")


def test_a_run_that_never_opened_a_ledger_has_none_in_its_folder(tmp_path: Path) -> None:
    """A day that only looks writes no ledger."""
    made = with_records(report(), tmp_path / "folder", tmp_path / "runs" / "run-1" / "ledger.jsonl", AuditFile(tmp_path))
    assert made.evidence == report().evidence


def test_what_a_dead_run_left_is_hashed_as_it_is_found(tmp_path: Path) -> None:
    """Samples, the spreads beside them and judgements, and nothing else."""
    (tmp_path / "samples").mkdir()
    kept = ("samples/batch-01.parquet", "samples/baseline-spreads.json", "judgements.json")
    for name in (*kept, "report.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert found_files(tmp_path) == {name: digest(tmp_path / name) for name in kept}


def test_a_page_that_cannot_be_drawn_costs_no_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Samples that nobody can read: the failure is logged, the report is as it was, and no half page lies about."""
    write_report(tmp_path, report())
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "batch-01.parquet").write_text("torn", encoding="utf-8")
    _draw(cast("DayRun", SimpleNamespace(folder=tmp_path, run_id="run-1", log=logging.getLogger("test"))))
    assert "report.html was not drawn" in caplog.text
    assert read_report(tmp_path) == report()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.json", "report.md", "samples"]
