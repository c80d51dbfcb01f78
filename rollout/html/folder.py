"""A run's report folder as the page reads it: nothing else is needed, so a copied folder tells the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rollout.clock import SystemClock
from rollout.errors import InputError
from rollout.evidence import LEDGER
from rollout.judgement_file import JUDGEMENTS, StoredJudgements, read_judgements
from rollout.ledger import Entry, Ledger
from rollout.report import DayReport
from rollout.report_file import JSON, read_report


@dataclass(frozen=True)
class ReportFolder:
    """report.json as values and as plain JSON; judgements, ledger and samples where the run kept them."""

    path: Path
    report: DayReport

    @classmethod
    def read(cls, path: Path) -> ReportFolder:
        """The folder of one run. Raises InputError where it holds no report that can be read."""
        try:
            report = read_report(path)
        except (OSError, ValueError) as error:
            raise InputError(path / JSON, "", f"is no report that this version reads: {str(error).splitlines()[0]}") from error
        if report is None:
            raise InputError(path, "", f"holds no {JSON}")
        return cls(path, report)

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The report as the JSON that stands in the file."""
        return dict(json.loads((self.path / JSON).read_text(encoding="utf-8")))

    @cached_property
    def judgements(self) -> StoredJudgements | None:
        """What the judge said; None where the run stored nothing. Raises InputError for a file of another shape."""
        return read_judgements(self.path) if (self.path / JUDGEMENTS).exists() else None

    @cached_property
    def plain_judgements(self) -> dict[str, Any]:
        """The same as the JSON that stands in the file."""
        return dict(json.loads((self.path / JUDGEMENTS).read_text(encoding="utf-8")))

    @cached_property
    def ledger(self) -> tuple[Entry, ...]:
        """The ledger's entries as far as the report's folder has them."""
        return tuple(Ledger(self.path / LEDGER, SystemClock()).entries)

    @cached_property
    def batches(self) -> Mapping[str, pd.DataFrame]:
        """The samples of each batch as the judge saw them, by file name. Raises InputError for a file that cannot be read."""
        return {file.name: _frame(file) for file in sorted(self.path.glob("samples/batch-*.parquet"))}


def _frame(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(file, "", f"cannot be read: {str(error).splitlines()[0]}") from error
