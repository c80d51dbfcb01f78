"""`rollout server`: the embedded Prefect server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The embedded Prefect server and its workers.", no_args_is_help=True)

VAR = Path(__file__).resolve().parent.parent / "var"
State = Annotated[Path, typer.Option(help="Folder that holds the server's state.", show_default="var of this checkout")]


@app.command()
def up(state: State = VAR, port: Annotated[int, typer.Option(help="Port of the API and the UI.", min=1, max=65535)] = 4200) -> None:
    """Start the server and its workers, bring it the deployments; returns when all of them answer."""
    from deployments import server
    from deployments.apply import apply

    address = server.up(state, port)
    print(f"Prefect is up: {address.ui_url}; deployments: {', '.join(apply(address.api_url))}")


@app.command()
def down(
    state: State = VAR,
    force: Annotated[bool, typer.Option("--force", help="Interrupt runs at work; they roll back if they can.")] = False,
) -> None:
    """Stop the server, its workers and everything they started."""
    from deployments import server

    server.down(state, force=force)
    print("Prefect is down: no process, no port.")


@app.command()
def status(state: State = VAR) -> None:
    """Say how the server is; exit code 1 when it is not whole."""
    from deployments import server

    present = server.status(state)
    where = present.address.ui_url if present.address else "not started"
    print(f"{where}: {'answers' if present.healthy else 'does not answer'}")
    for program in present.programs:
        print(f"  {program.name:<24} {program.state.name:<9} pid {program.pid:<8} {program.resident:6.0f} MiB")
    for run in present.runs:
        print(f"  run {run} is at work")
    if not present.whole:
        raise typer.Exit(1)
