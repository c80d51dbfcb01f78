"""A run's report on disk: report.json for programs, report.md for people."""

from __future__ import annotations

from pathlib import Path

from rollout.markdown import render
from rollout.report import DayReport

JSON, MARKDOWN = "report.json", "report.md"


def write_report(folder: Path, report: DayReport) -> None:
    """Write both; a report of the same run is replaced in one step, so that a reader never sees half of one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in ((JSON, report.model_dump_json(indent=1) + "\n"), (MARKDOWN, render(report))):
        aside = folder / f".{name}.new"
        aside.write_text(text, encoding="utf-8")
        aside.replace(folder / name)


def read_report(folder: Path) -> DayReport | None:
    """The report of that folder, None while there is none."""
    file = folder / JSON
    return DayReport.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else None
