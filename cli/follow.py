"""Follows a day on the Prefect server in the terminal: a line per task, per warning and per decision."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from prefect.client.schemas.objects import StateType

from deployments.address import api_url
from deployments.trigger import trigger
from deployments.watch import EventKind, RunEvent, watch
from rollout.clock import SystemClock
from rollout.ownership import Ownership
from rollout.report import Outcome
from rollout.report_file import HTML, MARKDOWN, read_report
from rollout.scoreboard import Scoreboard
from rollout.scoreboard_file import MARKDOWN as MARKDOWN_OF_WEEK
from rollout.scoreboard_file import read_scoreboard, sentence
from rollout.site_file import load_site_file

A_DAY = 24 * 3600.0
"""Seconds after which following ends; the run itself goes on."""


def run_day(day: str, site_file: Path, parameters: Mapping[str, object]) -> int:
    """Start the deployment, show what happens, and return the exit code of the day's report.

    Raises InputError for a site or a parameter that cannot be used, Refused without a server.
    """
    site, fleet = load_site_file(site_file)
    api = api_url(server_state())
    run = trigger(day, {"parameters": dict(parameters)}, api)
    print(f"{day} on {site.site}: run {run}", flush=True)
    state = watch(run, _show, api_url=api, deadline=A_DAY)
    if (board := read_scoreboard(site.state / "weeks" / run)) is not None:
        return _tell_week(board, site.state / "weeks" / run)
    report = read_report(site.state / "reports" / run)
    if state.is_paused() and report is None:
        print(f"run {run} was suspended and stops before its next task; Resume in the UI goes on where it stopped", file=sys.stderr)
        return Outcome.HELD.exit_code
    if report is None and not (site.state / "runs" / run / "ledger.jsonl").exists():
        holder = Ownership(site.state / "fleets", fleet.name, SystemClock()).holder()
        busy = f"; run {holder.run} is at work on fleet {fleet.name}" if holder is not None and holder.pid else ""
        print(f"run {run} ended {state.name} before it touched anything: {state.message}{busy}", file=sys.stderr)
        return Outcome.REFUSED.exit_code
    if report is None:
        settle = f"`rollout settle {run} --site {site_file.stem}` brings back what it changed"
        print(f"run {run} ended {state.name} and wrote no report: {state.message}; {settle}", file=sys.stderr)
        return Outcome.HELD.exit_code
    print(f"\n{report.sentence}")
    if state.is_paused():
        print(f'It waits for an answer, in the UI or by `rollout answer {run} promote|extend|"roll back" --reason ...`.')
    for criterion in report.criteria:
        print(f"  {criterion.id:<5} {criterion.verdict.value:<13} {criterion.observed:<24} {criterion.statement}")
    if (page := site.state / "reports" / run / HTML).exists():
        print(f"Page: {page}")
    print(f"Report: {site.state / 'reports' / run / MARKDOWN}\nExit code {report.exit_code}")
    return report.exit_code


def _tell_week(board: Scoreboard, folder: Path) -> int:
    """Print the week's days and criteria; returns its exit code."""
    print()
    for day in board.days:
        print(f"  day {day.day}  {day.outcome.value if day.outcome else 'no report':<24} {day.sentence}")
    for row in board.rows:
        print(f"  {row.id:<5} {row.verdict.value:<13} {row.observed:<24} {row.statement}")
    print(f"{sentence(board)}\nScoreboard: {folder / MARKDOWN_OF_WEEK}\nExit code {board.exit_code}")
    return board.exit_code


def server_state() -> Path:
    """Where the embedded server keeps its state: one server serves all sites of this checkout."""
    return Path(__file__).resolve().parent.parent / "var"


def _show(event: RunEvent) -> None:
    """One line for what a person following the run wants to see."""
    clock = datetime.fromtimestamp(event.moment).strftime("%H:%M:%S")  # noqa: DTZ006 (the reader's own time)
    if event.kind is EventKind.LOG and event.level < logging.WARNING and event.name != "prefect.flow_runs":
        return
    if event.kind is EventKind.TASK and event.state not in (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED):
        return
    if event.kind is EventKind.LOG:
        print(f"{clock}  {event.text.splitlines()[0]}", flush=True)
    else:
        print(f"{clock}  [{event.text.partition(':')[0]}] {event.name}", flush=True)
