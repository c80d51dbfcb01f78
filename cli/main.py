"""The `rollout` command. Each command imports what it needs when it runs, so that help stays quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import adopt, alerting, control, emergency, fleet, judge, reports, server
from rollout.checkout import plan_file, site_file
from rollout.errors import Held, InputError, Refused, RollbackIncomplete, RolloutError

# Without markup, since its renderer takes longer to import than all of the rest.
app = typer.Typer(
    help="Progressive, metrics-gated rollouts for fleets of plain processes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(fleet.app, name="fleet")
app.add_typer(server.app, name="server")
app.add_typer(emergency.app, name="emergency")
app.add_typer(alerting.app, name="alerting")
app.command()(alerting.acknowledge)
app.command("rehearse")(emergency.rehearse_emergencies)
app.command()(judge.judge)
app.command()(judge.replay)
app.command()(judge.calibrate)
app.command()(adopt.adopt)
app.command()(reports.report)
app.command()(reports.verify)
app.command()(reports.history)
app.command()(control.pause)
app.command()(control.resume)
app.command()(control.step)
app.command()(control.abort)
app.command()(control.answer)

SiteName = Annotated[str, typer.Option("--site", help="Which place: the file fleets/<site>.yaml.")]
PlanName = Annotated[str, typer.Option("--plan", help="Which plan: the file plans/<plan>.yaml.")]


@app.command()
def run(  # noqa: PLR0913, PLR0917 (a command's options)
    day: Annotated[str, typer.Argument(help="A deployment such as day-0, day-1 or week.")],
    name: control.Name,
    site: SiteName = "lab",
    plan: Annotated[str | None, typer.Option("--plan", help="Which plan: the file plans/<plan>.yaml; by default the deployment's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Agents per batch; by default the plan's.")] = None,
    pace: Annotated[float | None, typer.Option(help="Compresses batch intervals; 1 in production.")] = None,
    override: Annotated[str, typer.Option("--override", metavar="REASON", help="Start it although criteria that it needs are not MET.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and preview; touch nothing.")] = False,
    rollback_scope: Annotated[str | None, typer.Option(help="agent, batch or day: how much a failed gate brings back; else as planned.")] = None,
    on_cancel: Annotated[str | None, typer.Option(help='"roll back" or "hold": what a cancelled run does with what it has changed.')] = None,
) -> None:
    """Run a day on the Prefect server and follow it to its end; the exit code is the day's own."""
    from cli.follow import run_day

    given = {
        "site": site,
        "plan": plan,
        "batch_size": batch_size,
        "pace": pace,
        "dry_run": dry_run or None,
        "override": {"name": name, "reason": override} if override else None,
        "rollback_scope": rollback_scope,
        "on_cancel": on_cancel,
    }
    raise typer.Exit(run_day(day, site_file(site), {key: value for key, value in given.items() if value is not None}))


@app.command()
def deploy() -> None:
    """Bring the deployments and pools of prefect.yaml to the server; repeating it changes nothing."""
    from cli.follow import server_state
    from deployments.address import api_url
    from deployments.apply import apply

    print("Deployments: " + ", ".join(apply(api_url(server_state()))))


@app.command()
def plan(day: Annotated[int, typer.Argument(help="Number of the day.")], site: SiteName = "lab", plan: PlanName = "week3") -> None:
    """Preview a day: order, batches, hours, and what would change on each agent. Nothing is touched."""
    from cli.changes import show_changes
    from cli.preview import preview
    from rollout.plan import load_plan
    from rollout.site_file import load_site_file

    written, file = load_plan(plan_file(plan)), site_file(site)
    place = load_site_file(file)
    preview(day, *place, written)
    show_changes(day, file, *place, written)


@app.command()
def status(site: SiteName = "lab", plan: PlanName = "week3", as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say how the fleet is (GREEN, YELLOW, ORANGE, RED), why, and which run holds it; exit code 0 only when GREEN."""
    from cli.status import show_status
    from rollout.alert import AlertLevel

    if show_status(site_file(site), plan_file(plan), as_json=as_json) is not AlertLevel.GREEN:
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
    from rollout.finishing import finish

    place = site_file(site)
    report = accept_run(run_id, name, accept, place) if accept else finish(run_id, place)
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


@app.command()
def watchdog(  # noqa: PLR0913, PLR0917 (one option each, as its supervisor's file names them)
    hub: Annotated[str, typer.Option(help="URL of this machine's hub.")],
    peer: Annotated[str, typer.Option(help="URL of the other machine's hub.")],
    standby: Annotated[Path, typer.Option(help="Folder with the peer's targets, <job>.json each.")],
    takeover: Annotated[Path, typer.Option(help="Folder that this machine's hub reads besides its own targets.")],
    listen: Annotated[str, typer.Option(help="HOST:PORT to serve /metrics on.")],
    interval: Annotated[float, typer.Option(help="Seconds between two checks.")],
    fall: Annotated[int, typer.Option(help="Failed checks in a row that mean death.")],
    rise: Annotated[int, typer.Option(help="Ready checks in a row before the peer gets its targets back.")],
) -> None:
    """Watch the other machine's hub: take over its targets when it dies, give them back when it scrapes again."""
    from rollout.failover import Settings
    from rollout.observe.watchdog import Wiring, start

    start(Wiring(hub, peer, standby, takeover, listen, interval, Settings(fall, rise)))


@app.command("state-exporter")
def state_exporter(
    listen: Annotated[str, typer.Option(help="HOST:PORT to serve /metrics on.")],
    site: SiteName = "lab",
    plan: PlanName = "week3",
) -> None:
    """Export runs, judgements, clocks and the open incident of a site, and keep its incidents: one per site, where its state folder is."""
    from rollout.observe.state_exporter import serve

    serve(site_file(site), plan_file(plan), listen)


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
