"""What an earlier day of the same optimization left: read from its stored report and samples, and only as far as both are whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rollout.optimization import TAKEN
from rollout.report import DayReport, OptimisedAgent, Outcome
from rollout.report_file import read_report

STARTS = "samples/starts.parquet"


@dataclass(frozen=True)
class EarlierDay:
    """run: its id; agents: those that it took, with what became of them; starts: their shadow starts, as `judge_improvement` reads them."""

    run: str
    agents: tuple[OptimisedAgent, ...]
    starts: pd.DataFrame


def earlier_day(reports: Path, day: int) -> EarlierDay | None:
    """The newest complete run of that day with its proof; None where there is none, or its samples are not those that its report names."""
    found = [report for file in reports.glob("*/report.json") if (report := read_report(file.parent)) is not None and _counts(report, day)]
    newest = max(found, key=lambda report: report.ended, default=None)
    if newest is None or newest.optimization is None:
        return None
    file = reports / newest.run_id / STARTS
    if not file.exists() or newest.evidence.get(STARTS) != "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest():
        return None
    taken = {outcome.value for outcome in TAKEN}
    return EarlierDay(newest.run_id, tuple(row for row in newest.optimization.agents if row.outcome in taken), pd.read_parquet(file))


def _counts(report: DayReport, day: int) -> bool:
    return report.day == day and report.outcome is Outcome.COMPLETE and report.optimization is not None
