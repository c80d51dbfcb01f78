"""A run's report on disk: report.json for programs, report.md for people; report.html is drawn of them when nothing else is left to do."""

from __future__ import annotations

from pathlib import Path

from rollout.markdown import render
from rollout.on_record import on_record
from rollout.private_folder import private_folder
from rollout.report import DayReport

JSON, MARKDOWN, HTML = "report.json", "report.md", "report.html"


def write_report(folder: Path, report: DayReport) -> None:
    """Write both; a report of the same run is replaced in one step, so that a reader never sees half of one. A page of the former one goes.

    Raises Held where they cannot be written.
    """
    markdown, everything = render(report), report.model_dump_json(indent=1) + "\n"
    with on_record("the report", folder):
        private_folder(folder)
        replace_file(folder / JSON, everything)
        replace_file(folder / MARKDOWN, markdown)
        (folder / HTML).unlink(missing_ok=True)


def replace_file(file: Path, text: str) -> None:
    """The file's new text, in one step."""
    aside = file.with_name(f".{file.name}.new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(file)


def read_report(folder: Path) -> DayReport | None:
    """The report of that folder, None while there is none."""
    file = folder / JSON
    return DayReport.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else None
