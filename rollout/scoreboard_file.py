"""The scoreboard on disk: scoreboard.json for programs, scoreboard.md for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rollout.markdown import mark
from rollout.markdown_table import bullets, table
from rollout.private_folder import private_folder
from rollout.scoreboard import Row, Scoreboard
from rollout.verdict import Standing

JSON, MARKDOWN = "scoreboard.json", "scoreboard.md"
NUMBERS = ("impact", "improvement")
"""Gates whose criteria are about performance: the performance report."""


def write_scoreboard(folder: Path, board: Scoreboard) -> None:
    """Write both; a reader never sees half of one."""
    private_folder(folder)
    for name, text in ((JSON, board.model_dump_json(indent=1) + "\n"), (MARKDOWN, render_scoreboard(board))):
        aside = folder / f".{name}.new"
        aside.write_text(text, encoding="utf-8")
        aside.replace(folder / name)


def read_scoreboard(folder: Path) -> Scoreboard | None:
    """The scoreboard of that folder, None while there is none."""
    file = folder / JSON
    return Scoreboard.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else None


def render_scoreboard(board: Scoreboard) -> str:
    """Performance, what was done, readiness for what comes next, and every criterion; tables only, since Prefect's page shows nothing else."""
    when = datetime.fromtimestamp(board.made, UTC).strftime("%Y-%m-%d %H:%M UTC")
    performance = [row for row in board.rows if row.measured_by.partition(".")[0] in NUMBERS]
    carried = [row for row in board.rows if row.verdict is not Standing.MET]
    parts = [
        f"# {board.title}: scoreboard",
        f"**{sentence(board)}**",
        f"Plan {board.plan}, site {board.site}, made {when}" + (f", week {board.week}" if board.week else ", newest run of each day") + ".",
        "## The days",
        table(["Day", "Title", "Outcome", "In words", "Run"], _days(board)),
    ]
    if performance:
        parts += ["## Performance", _rows(performance)]
    parts += ["## Carried forward", _rows(carried) if carried else "Nothing: every criterion is MET.", "## All criteria", _rows(board.rows)]
    if board.unknowns:
        parts += ["## What could not be read", bullets(board.unknowns)]
    return "\n\n".join(parts) + "\n"


def sentence(board: Scoreboard) -> str:
    """The week in one sentence, counted here."""
    counted = ", ".join(f"{number} {standing.value}" for standing, number in board.counts().items() if number)
    ran = sum(line.run is not None for line in board.days)
    return f"{ran} of {len(board.days)} days have a report; of {len(board.rows)} criteria {counted}."


def _days(board: Scoreboard) -> list[tuple[str, str, str, str, str]]:
    return [(str(d.day), d.title, d.outcome.value if d.outcome else "no report", d.sentence, d.run or "-") for d in board.days]


def _rows(rows: Sequence[Row]) -> str:
    cells = [[row.id, row.statement, row.bound, mark(row.verdict), row.observed, row.sentence, _where(row)] for row in rows]
    return table(["Criterion", "Statement", "Bound", "Verdict", "Observed", "Because", "Evidence"], cells)


def _where(row: Row) -> str:
    return "; ".join(f"{link.report} {link.criterion}".strip() for link in row.evidence) or "-"
