"""The `rollout` command. Each command imports what it needs when it runs, so that help stays quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import alerting, control, emergency, fleet, judge, server
from rollout.errors import Held, InputError, Refused, RollbackIncomplete, RolloutError

app = typer.Typer(help="Progressive, metrics-gated rollouts for fleets of plain processes.", no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(fleet.app, name="fleet")
app.add_typer(server.app, name="server")
app.add_typer(emergency.app, name="emergency")
app.add_typer(alerting.app, name="alerting")
app.command()(alerting.acknowledge)
app.command("rehearse")(emergency.rehearse_emergencies)
app.command()(judge.judge)
app.command()(judge.replay)
app.command()(judge.calibrate)
app.command()(control.pause)
app.command()(control.resume)
app.command()(control.step)
app.command()(control.abort)
app.command()(control.answer)

ROOT = Path(__file__).resolve().parent.parent
SITES = ROOT / "fleets"
WEEK3 = ROOT / "plans" / "week3.yaml"

SiteName = Annotated[str, typer.Option("--site", help="Which place: the file fleets/<site>.yaml.")]


@app.command()
def run(
    day: Annotated[str, typer.Argument(help="A deployment such as day-0 or day-1.")],
    site: SiteName = "lab",
    batch_size: Annotated[int | None, typer.Option(help="Agents per batch; by default the plan's.")] = None,
    pace: Annotated[float | None, typer.Option(help="Compresses batch intervals; 1 in production.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and preview; touch nothing.")] = False,
    rollback_scope: Annotated[str | None, typer.Option(help="agent, batch or day: how much a failed gate brings back; else as planned.")] = None,
    on_cancel: Annotated[str | None, typer.Option(help='"roll back" or "hold": what a cancelled run does with what it has changed.')] = None,
) -> None:
    """Run a day on the Prefect server and follow it to its end; the exit code is the day's own."""
    from cli.follow import run_day

    given = {
        "site": site,
        "batch_size": batch_size,
        "pace": pace,
        "dry_run": dry_run or None,
        "rollback_scope": rollback_scope,
        "on_cancel": on_cancel,
    }
    raise typer.Exit(run_day(day, SITES / f"{site}.yaml", {key: value for key, value in given.items() if value is not None}))


@app.command()
def deploy() -> None:
    """Bring the deployments and pools of prefect.yaml to the server; repeating it changes nothing."""
    from cli.follow import server_state
    from deployments.address import api_url
    from deployments.apply import apply

    print("Deployments: " + ", ".join(apply(api_url(server_state()))))


@app.command()
def plan(day: Annotated[int, typer.Argument(help="Number of the day.")], site: SiteName = "lab") -> None:
    """Preview a day: order, batches, hours, and what would change on each agent. Nothing is touched."""
    from cli.changes import show_changes
    from cli.preview import preview

    preview(day, SITES / f"{site}.yaml", WEEK3)
    show_changes(day, SITES / f"{site}.yaml", WEEK3)


@app.command()
def status(site: SiteName = "lab") -> None:
    """Say how the fleet is (GREEN, YELLOW, ORANGE, RED), why, and which run holds it; exit code 0 only when GREEN."""
    from cli.status import show_status
    from rollout.alert import AlertLevel

    if show_status(SITES / f"{site}.yaml", WEEK3) is not AlertLevel.GREEN:
        raise typer.Exit(1)


@app.command()
def settle(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run whose process is gone.")],
    name: control.Name,
    site: SiteName = "lab",
    accept: Annotated[str, typer.Option("--accept", metavar="REASON", help="Close it as it is, for this reason, instead of going back.")] = "",
) -> None:
    """Bring back what a dead or held run left changed, verify it, and close its ledger."""
    from rollout.acceptance import accept as accept_run
    from rollout.settlement import settle as settle_run

    site_file = SITES / f"{site}.yaml"
    report = accept_run(run_id, name, accept, site_file, WEEK3) if accept else settle_run(run_id, site_file, WEEK3)
    if report is None:
        print(f"Run {run_id} is settled already: nothing to roll back.")
        return
    print(report.sentence)
    if not accept:
        raise typer.Exit(report.exit_code)


@app.command()
def exporter(
    supervisor: Annotated[str, typer.Option(help="unix:///path/to.sock or http://host:port of the machine's supervisord.")],
    listen: Annotated[str, typer.Option(help="HOST:PORT to serve /metrics on.")],
) -> None:
    """Export CPU, memory, start time and process count of every supervised program of this machine."""
    from rollout.observe.exporter import serve

    serve(supervisor, os.environ.get("ROLLOUT_SUPERVISOR_USER", ""), os.environ.get("ROLLOUT_SUPERVISOR_PASSWORD", ""), listen)


@app.command("state-exporter")
def state_exporter(
    listen: Annotated[str, typer.Option(help="HOST:PORT to serve /metrics on.")],
    site: SiteName = "lab",
) -> None:
    """Export runs, judgements, clocks and the open incident of a site, and keep its incidents: one per site, where its state folder is."""
    from rollout.observe.state_exporter import serve

    serve(SITES / f"{site}.yaml", WEEK3, listen)


def main() -> None:
    """The command with errors as one sentence and the exit code that the README lists."""
    try:
        app()
    except (InputError, Refused) as error:
        sys.exit(_fail(error, 2))
    except Held as error:
        sys.exit(_fail(error, 4))
    except RollbackIncomplete as error:
        sys.exit(_fail(error, 5))
    except RolloutError as error:
        sys.exit(_fail(error, 1))


def _fail(error: RolloutError, code: int) -> int:
    print(f"rollout: {error}", file=sys.stderr)
    return code
