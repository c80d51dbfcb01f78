"""`rollout emergency` and `rollout rehearse`: they need no server."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.checkout import plan_file, site_file
from rollout.errors import Refused

if TYPE_CHECKING:
    from rollout.emergency import Protocol
    from rollout.report import DayReport

SiteName = Annotated[str, typer.Option("--site", help="Which place: the file fleets/<site>.yaml.")]
PlanName = Annotated[str, typer.Option("--plan", help="Which plan: the file plans/<plan>.yaml.")]
Name = Annotated[str, typer.Option("--name", help="Who says so (self-declared).", default_factory=getpass.getuser, show_default="the login name")]
Which = Annotated[str | None, typer.Argument(help="Which emergency: metrics, hub or optimization.", show_default="all of them")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the report.")]

app = typer.Typer(help="The plan's emergency protocols; a run at work is aborted first. Needs no server.", no_args_is_help=True)


@app.callback()
def emergencies() -> None:
    """One command for each protocol."""


@app.command()
def metrics(name: Name, reason: Reason, site: SiteName = "lab", plan: PlanName = "week3") -> None:
    """Metrics off on every agent, verified, in two minutes."""
    from rollout.protocols import METRICS_OFF

    _carry_out(METRICS_OFF, name, reason, site, plan)


@app.command()
def hub(name: Name, reason: Reason, site: SiteName = "lab", plan: PlanName = "week3") -> None:
    """Back to the single hub with all agents, verified, in three minutes."""
    from rollout.protocols import SINGLE_HUB

    _carry_out(SINGLE_HUB, name, reason, site, plan)


@app.command()
def optimization(name: Name, reason: Reason, site: SiteName = "lab", plan: PlanName = "week3") -> None:
    """All optimizations back on every agent, verified, in five minutes."""
    from rollout.protocols import OPTIMIZATION_BACK

    _carry_out(OPTIMIZATION_BACK, name, reason, site, plan)


def rehearse_emergencies(name: Name, protocol: Which = None, site: SiteName = "lab", plan: PlanName = "week3") -> None:
    """Rehearse the emergencies on a lab without their changes: all on, then the emergency; keeps the records that criteria cite."""
    from rollout.protocols import PROTOCOLS
    from rollout.rehearse import rehearse

    if protocol is not None and protocol not in PROTOCOLS:
        raise typer.BadParameter(f"{protocol} is none of {', '.join(PROTOCOLS)}")
    worst = 0
    for each in PROTOCOLS if protocol is None else (protocol,):
        try:
            report = rehearse(PROTOCOLS[each], site_file(site), plan_file(plan), name)
        except Refused as refused:  # a site with one hub can still rehearse the others
            print(f"Emergency {each} is not rehearsed: {refused}")
            worst = max(worst, 2)
            continue
        _tell(report)
        worst = max(worst, report.exit_code)
    raise typer.Exit(worst)


def _carry_out(protocol: Protocol, name: str, reason: str, site: str, plan: str) -> None:
    from uuid import uuid4

    from rollout.emergency import Call, take_back

    report = take_back(Call(str(uuid4()), name, reason), protocol, site_file(site), plan_file(plan))
    _tell(report)
    raise typer.Exit(report.exit_code)


def _tell(report: DayReport) -> None:
    print(report.sentence)
    for criterion in report.criteria:
        print(f"  {criterion.id:<5} {criterion.verdict.value:<13} {criterion.observed}  ({criterion.sentence})")
