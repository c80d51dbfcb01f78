"""`rollout adopt`: how a user with a fleet of their own starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rollout.checkout import FLEETS


def adopt(
    name: Annotated[str, typer.Argument(help="Name of the fleet and of its site.")],
    supervisor: Annotated[list[str], typer.Option(help="MACHINE=unix:///path.sock or MACHINE=http://host:port; may be repeated.")],
    prometheus: Annotated[str, typer.Option(help="An existing Prometheus, http://host:port.")],
    out: Annotated[Path, typer.Option(help="Folder of the new files.", show_default="fleets of this checkout")] = FLEETS,
    hours: Annotated[float, typer.Option(help="How far back the metrics are looked at; nothing should have been rolled out then.", min=0.01)] = 2,
    credentials: Annotated[str, typer.Option(metavar="USER:PASSWORD", help="Names of the variables that hold them, never the values.")] = "",
    secrets: Annotated[Path | None, typer.Option(help="File of KEY=VALUE lines for what the environment lacks.")] = None,
) -> None:
    """Make a first fleet file and site file from what runs on this computer. Everything is read, nothing is changed."""
    from rollout.adopt.files import Secrets, fleet_text, impact_text, site_text, write_new
    from rollout.adopt.machine import look_at
    from rollout.adopt.metrics import ask, candidates, impact_metrics
    from rollout.clock import SystemClock
    from rollout.secrets import read_secrets

    known = read_secrets(secrets) | dict(os.environ)
    user, _, password = credentials.partition(":")
    machines = [look_at(*_machine(each), known.get(user, ""), known.get(password, "")) for each in supervisor]
    for machine in machines:
        print(f"{machine.name}: {len(machine.agents)} agents at {machine.address}, their programs in {machine.programs}")
        for program, reason in machine.left_out.items():
            print(f"  left out: {program}: {reason}")
    hub = ask(prometheus)
    agents = [f"{machine.name}/{agent.name}" for machine in machines for agent in machine.agents]
    found = candidates(hub, impact_metrics(hub.series), agents, hours, SystemClock())
    fleet, site, impact = (out.resolve() / f"{name}{ending}.yaml" for ending in ("-fleet", "", "-impact"))
    access = Secrets(user, password, secrets.resolve() if secrets else None)
    write_new(
        {
            fleet: fleet_text(name, machines),
            site: site_text(name, fleet.parent, machines, hub, access),
            impact: impact_text(found, hours),
        }
    )
    print(f"{hub.url}: {hub.up} of {hub.targets} targets are up; a sample each {hub.interval:g} s")
    for each in found:
        print(f"  {each.power.sentence if each.power else f'{each.metric.name}: not measured: {each.reason}'}")
    if not found:
        print("  no series has the labels machine and agent and a name that tells latency, CPU, memory or errors: relabel your targets first")
    print(f"Written: {fleet}, {site}, {impact}\nNext: rollout fleet check {site}; rollout plan 1 --site {name}")


def _machine(text: str) -> tuple[str, str]:
    """MACHINE and URL. Raises BadParameter for another shape."""
    machine, equals, url = text.partition("=")
    if not machine or not equals or not url:
        raise typer.BadParameter(f"{text} is not MACHINE=URL")
    return machine, url
