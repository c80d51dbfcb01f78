"""The report's schema is a file that other programs may rely on."""

from __future__ import annotations

import json
from pathlib import Path

from rollout.report import report_schema

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "report.schema.json"


def test_the_schema_in_the_repository_is_the_reports_own() -> None:
    """A field that is added or renamed shows in the committed schema."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == report_schema()
