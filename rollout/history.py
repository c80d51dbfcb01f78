"""A site's runs, newest first, from its state folder alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rollout.clock import SystemClock
from rollout.errors import InputError
from rollout.report_file import read_report
from rollout.run_ledger import run_ledger
from rollout.telling import count_standings

NO_REPORT = "no report"


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run. began, seconds: Unix seconds and length, None where nothing says them; outcome: the report's word, or why there is none."""

    run: str
    day: int | None
    began: float | None
    seconds: float | None
    outcome: str
    exit_code: int | None
    criteria: str
    sentence: str


def history(state: Path) -> tuple[PastRun, ...]:
    """Every run that left a ledger or a report; one that cannot be read is told, not left out."""
    return tuple(sorted(_runs(state), key=lambda run: run.began or 0.0, reverse=True))


def _runs(state: Path) -> Iterator[PastRun]:
    names = {folder.name for kind in ("reports", "runs") for folder in state.glob(f"{kind}/*") if folder.is_dir()}
    for name in sorted(names):
        try:
            yield _reported(state, name)
        except (InputError, ValueError) as error:
            yield PastRun(name, None, None, None, "cannot be read", None, "", str(error).splitlines()[0])


def _reported(state: Path, name: str) -> PastRun:
    """The run as its report tells it, or as far as its ledger does."""
    report = read_report(state / "reports" / name)
    if report is not None:
        took, standings = report.ended - report.started, count_standings(report.criteria)
        return PastRun(name, report.day, report.started, took, report.outcome.value, report.exit_code, standings, report.sentence)
    ledger = run_ledger(state / "runs", name, SystemClock())
    if not ledger.exists:
        return PastRun(name, None, None, None, NO_REPORT, None, "", "It touched nothing and wrote no report.")
    told = "Its process wrote no report" + ("." if ledger.settled else f"; `rollout settle {name}` brings back what it changed.")
    return PastRun(name, int(ledger.opened.facts["day"]), ledger.opened.at, None, NO_REPORT, None, "", told)
