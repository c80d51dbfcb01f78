"""`rollout fleet`: check a fleet or site file, or make a fleet file from startup_config files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Fleet files: which agents there are, and where.", no_args_is_help=True)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A fleet file, or a site file with the fleet that it names.", metavar="FILE")]) -> None:
    """Load the file as a run would, or say which key is wrong and why."""
    from rollout.document import read_yaml
    from rollout.fleet import load_fleet
    from rollout.site_file import load_site_file

    content = read_yaml(file)
    if isinstance(content, dict) and "site" in content:
        site, fleet = load_site_file(file)
        print(f"site {site.site}: {', '.join(site.machines)} reached, hubs {', '.join(hub.name for hub in site.hubs)}")
    else:
        fleet = load_fleet(file)
    optional = sum(not agent.required for agent in fleet.agents)
    optimised = sum(agent.optimised for agent in fleet.agents)
    print(f"fleet {fleet.name}: {len(fleet)} agents, {optional} of them optional, {optimised} optimised")
    for machine in fleet.machines:
        agents = fleet.on(machine)
        hubs = ", ".join(agent.name for agent in agents if agent.hub) or "none"
        print(f"  {machine}: {len(agents)} agents in {len({agent.group for agent in agents})} groups, hub {hubs}")


@app.command(name="import")
def import_(
    mainpc: Annotated[Path | None, typer.Option(help="startup_config of MainPC.")] = None,
    pc2: Annotated[Path | None, typer.Option(help="startup_config of PC2.")] = None,
    port_offset: Annotated[int, typer.Option(help="What ${PORT_OFFSET} stands for.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the fleet.")] = "imported",
    hub: Annotated[list[str] | None, typer.Option(help="Agent whose port belongs to its machine's hub; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new file to write; by default standard output.")] = None,
) -> None:
    """Make a fleet file from startup_config files, which are only read; what is left out is named on standard error."""
    from rollout.errors import InputError
    from rollout.fleet_import import HUB, import_fleet

    files = {machine: file for machine, file in (("mainpc", mainpc), ("pc2", pc2)) if file is not None}
    if not files:
        raise typer.BadParameter("give --mainpc, --pc2 or both")
    imported = import_fleet(name, files, port_offset, hub or (HUB,))
    if out is None:
        print(imported.text, end="")
    else:
        try:
            with out.open("x", encoding="utf-8") as opened:
                opened.write(imported.text)
        except OSError as error:
            raise InputError(out, "", error.strerror or str(error)) from error
    typer.echo(f"{imported.agents} agents", err=True)
    for skipped in imported.skipped:
        typer.echo(f"skipped {skipped.file.name}: {skipped.key}: {skipped.reason}", err=True)
