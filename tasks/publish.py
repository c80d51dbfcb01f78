"""Publish: the report as files and as Prefect artifacts, on success and on failure alike."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, create_table_artifact, update_progress_artifact

from rollout.markdown import render
from rollout.report import DayReport
from rollout.scoreboard import Scoreboard
from rollout.scoreboard_file import render_scoreboard, sentence


def publish_progress(key: str, share: float, description: str, artifact: UUID | None) -> UUID:
    """Show how far a day is. share: 0 to 1 of its agents; artifact: the one to move on, None for a new one. Returns the artifact's id."""
    percent = round(100 * share, 1)
    if artifact is None:
        return cast("UUID", create_progress_artifact(percent, key=key, description=description))
    update_progress_artifact(artifact, percent, description=description)
    return artifact


def publish_artifacts(report: DayReport) -> None:
    """The whole report as markdown; criteria and agents as tables, under keys that keep their history per day."""
    key = f"day-{report.day}-{report.site}"
    create_markdown_artifact(render(report), key=f"{key}-report", description=report.sentence)
    create_table_artifact(
        [
            {"criterion": c.id, "verdict": c.verdict.value, "observed": c.observed, "bound": c.bound, "statement": c.statement}
            for c in report.criteria
        ],
        key=f"{key}-criteria",
        description=f"Day {report.day}: {len(report.criteria)} criteria",
    )
    create_table_artifact(
        [
            {"agent": a.agent, "batch": a.batch, "step": a.step, "state": a.state, "pid before": a.pid_before, "pid after": a.pid_after}
            for a in report.agents
        ],
        key=f"{key}-agents",
        description=f"Day {report.day}: {len(report.agents)} agents",
    )


def publish_scoreboard(board: Scoreboard) -> None:
    """The week as markdown, and its rows as a table, under keys that keep their history per plan and site."""
    key = f"{board.plan}-{board.site}".lower().replace("_", "-")
    create_markdown_artifact(render_scoreboard(board), key=f"{key}-week", description=sentence(board))
    create_table_artifact(
        [
            {"criterion": row.id, "verdict": row.verdict.value, "observed": row.observed, "bound": row.bound, "because": row.sentence}
            for row in board.rows
        ],
        key=f"{key}-scoreboard",
        description=f"{len(board.rows)} criteria",
    )
