"""`rollout report`, `rollout verify`, `rollout history`: what runs left behind, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.checkout import FLEETS

if TYPE_CHECKING:
    from rollout.report import DayReport

SiteName = Annotated[str, typer.Option("--site", help="Which place: the file fleets/<site>.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def report(
    run: Annotated[str | None, typer.Argument(metavar="[RUN|FOLDER]", help="Id of a run, or a report's folder; else the site's newest.")] = None,
    site: SiteName = "lab",
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a run's report says and where its files are; its page is drawn if it is not there."""
    from rollout.html import ReportFolder, draw_report
    from rollout.report_file import HTML, JSON
    from rollout.whereabouts import report_folder

    folder = _newest(site) if run is None else report_folder(run, FLEETS)
    found = ReportFolder.read(folder)
    if as_json:
        print((folder / JSON).read_text(encoding="utf-8"), end="")
        return
    page = folder / HTML
    if not page.exists():
        draw_report(folder)
    _tell(found.report)
    print(f"Page: {page}")
    if show:
        typer.launch(str(page))


def verify(run: Annotated[str, typer.Argument(metavar="RUN|FOLDER", help="Id of a run, or a report's folder, wherever it was copied to.")]) -> None:
    """Check a report's folder against itself, offline; a line for each claim that does not hold, exit code 1 if there is any."""
    from expectations.again import judge_again
    from rollout.html import ReportFolder
    from rollout.verification import verify as verify_folder
    from rollout.whereabouts import report_folder

    folder = report_folder(run, FLEETS)
    claims = [*verify_folder(folder), *judge_again(folder, ReportFolder.read(folder).report)]
    broken = [claim for claim in claims if claim.objection]
    for claim in broken:
        print(f"{claim.what}: {claim.objection}")
    print(f"{len(claims)} claims checked: " + (f"{len(broken)} do not hold." if broken else "all hold."))
    if broken:
        raise typer.Exit(1)


def history(site: SiteName = "lab", as_json: Json = False) -> None:
    """List the runs of a site, newest first."""
    from rich.console import Console
    from rich.table import Table

    from rollout.history import history as runs_of
    from rollout.site_file import load_site_file

    document, _ = load_site_file(FLEETS / f"{site}.yaml")
    runs = runs_of(document.state)
    if as_json:
        print(json.dumps([asdict(run) for run in runs], indent=1))
        return
    if not runs:
        print(f"Site {site} has no runs.")
        return
    table = Table("began, UTC", "day", "outcome", "took", "criteria", "run")
    for run in runs:
        day = "-" if run.day is None else str(run.day)
        table.add_row(_moment(run.began), day, run.outcome, "-" if run.seconds is None else f"{run.seconds:.0f} s", run.criteria, run.run)
    Console().print(table)


def _newest(site: str) -> Path:
    """The folder of the site's newest report. Raises Refused where it has none."""
    from rollout.errors import Refused
    from rollout.report_file import JSON
    from rollout.site_file import load_site_file

    document, _ = load_site_file(FLEETS / f"{site}.yaml")
    files = sorted((document.state / "reports").glob(f"*/{JSON}"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise Refused(f"site {site} has no reports yet")
    return files[-1].parent


def _tell(report: DayReport) -> None:
    """The sentence, then a table of the criteria."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(f"Day {report.day} on {report.site}, {_moment(report.started)} UTC"))
    console.print(Text(report.sentence))
    table = Table("criterion", "verdict", "observed", "bound", "statement")
    for each in report.criteria:
        table.add_row(*map(Text, (each.id, each.verdict.value, each.observed, each.bound, each.statement)))
    if report.criteria:
        console.print(table)
    for unknown in report.unknowns:
        console.print(Text(f"not known: {unknown}"))


def _moment(seconds: float | None) -> str:
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
