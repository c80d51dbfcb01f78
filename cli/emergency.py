"""`rollout emergency` and `rollout rehearse`: they need no server."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from rollout.report import DayReport

ROOT = Path(__file__).resolve().parent.parent
SITES = ROOT / "fleets"
WEEK3 = ROOT / "plans" / "week3.yaml"

SiteName = Annotated[str, typer.Option("--site", help="Which place: the file fleets/<site>.yaml.")]
Name = Annotated[str, typer.Option("--name", help="Who says so (self-declared).", default_factory=getpass.getuser, show_default="the login name")]

app = typer.Typer(help="The plan's emergency protocols; a run at work is aborted first. Needs no server.", no_args_is_help=True)


@app.callback()
def emergencies() -> None:
    """One command for each protocol."""


@app.command()
def metrics(name: Name, reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the report.")], site: SiteName = "lab") -> None:
    """Metrics off on every agent, verified, in two minutes."""
    from uuid import uuid4

    from rollout.emergency import metrics_off
    from rollout.emergency_report import Call

    _tell(metrics_off(Call(str(uuid4()), name, reason), SITES / f"{site}.yaml", WEEK3))


@app.command()
def hub(name: Name, reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the report.")], site: SiteName = "lab") -> None:
    """Back to the single hub with all agents, verified, in three minutes."""
    from uuid import uuid4

    from rollout.emergency_hub import single_hub
    from rollout.emergency_report import Call

    _tell(single_hub(Call(str(uuid4()), name, reason), SITES / f"{site}.yaml", WEEK3))


def rehearse(
    name: Name, protocol: Annotated[str, typer.Argument(help="metrics or hub: which emergency.")] = "metrics", site: SiteName = "lab"
) -> None:
    """Rehearse an emergency on a lab without its change: all on, then the emergency; keeps the record that criteria cite."""
    from rollout.audit import Emergency
    from rollout.rehearse import rehearse as rehearse_emergency

    known = {each.value.removeprefix("emergency "): each for each in Emergency}
    if protocol not in known:
        raise typer.BadParameter(f"{protocol} is none of {', '.join(known)}")
    _tell(rehearse_emergency(known[protocol], SITES / f"{site}.yaml", WEEK3, name))


def _tell(report: DayReport) -> None:
    print(report.sentence)
    for criterion in report.criteria:
        print(f"  {criterion.id:<5} {criterion.verdict.value:<13} {criterion.observed}  ({criterion.sentence})")
    raise typer.Exit(report.exit_code)
