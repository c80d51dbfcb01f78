"""`python -m lab up|down|status|fault [--site fleets/lab.yaml]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import lab.faults
from lab.binaries import PROJECT
from lab.errors import LabError
from lab.faults.inject import Wish, clear, inject
from lab.faults.kinds import Fault, Order, read_orders
from lab.look import View, look
from lab.site import Site, load_site
from lab.supervisor import ENVIRONMENT_FILE, Credentials, read_credentials
from lab.world import down, up


def main() -> int:
    """Runs one command; 0 when it did what was asked, 1 with a sentence on stderr when not."""
    options = _options()
    began = time.monotonic()
    try:
        site = load_site(options.site)
        if options.command == "up":
            up(replace(site, light=options.light), print)
            took = time.monotonic() - began
            print(f"{len(site.agents)} agents of {site.name} are up after {took:.1f} s; credentials: {site.state / ENVIRONMENT_FILE}")
        elif options.command == "down":
            down(site, print)
            print(f"{site.name} is down after {time.monotonic() - began:.1f} s")
        elif options.command == "fault":
            _fault(site, options)
        else:
            return _status(site, options.json)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--site", type=Path, default=PROJECT / "fleets" / "lab.yaml", help="site file (default: fleets/lab.yaml)")
    parser = argparse.ArgumentParser(prog="python -m lab", description="A real little world to roll out in.")
    commands = parser.add_subparsers(dest="command", required=True)
    built = commands.add_parser("up", parents=[common], help="build the lab and wait until all of it is healthy")
    built.add_argument("--light", action="store_true", help="no agent imports anything heavy, so that a restart costs little CPU")
    commands.add_parser("down", parents=[common], help="end all its processes")
    status = commands.add_parser("status", parents=[common], help="how it stands; exit code 1 when something is not well")
    status.add_argument("--json", action="store_true")
    fault = commands.add_parser(
        "fault", parents=[common], description=lab.faults.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, help="let something go wrong"
    )
    fault.add_argument("name", choices=["list", "clear", *(fault.value for fault in Fault)], metavar="NAME", help="list, clear or a fault's name")
    whom = fault.add_mutually_exclusive_group()
    whom.add_argument("--agents", type=lambda text: tuple(text.split(",")), default=(), help="mainpc/A,mainpc/B (default: all)")
    whom.add_argument("--machine", help="all agents of one machine, or the machine itself")
    whom.add_argument("--hub", help="for hub-dead: which")
    fault.add_argument("--percent", type=float, default=0.0)
    fault.add_argument("--seconds", type=float, default=40.0, help="for crash-after (default: 40)")
    when = fault.add_mutually_exclusive_group()
    when.add_argument("--only-with-metrics", dest="only_with_metrics", action="store_true", default=True, help="the default")
    when.add_argument("--always", dest="only_with_metrics", action="store_false", help="whether metrics are on or off")
    fault.add_argument("--after", type=float, default=0.0, help="wait this many seconds first")
    fault.add_argument("--back-after", type=float, help="for supervisord-killed: start a new one after this many seconds")
    return parser.parse_args()


def _fault(site: Site, options: argparse.Namespace) -> None:
    credentials = _credentials(site)
    if options.name == "list":
        orders = read_orders(site.faults)
        print("\n".join(_sentence(order) for order in orders) or "no faults in force")
    elif options.name == "clear":
        cleared = clear(site, credentials)
        print("\n".join(f"cleared: {_sentence(order)}" for order in cleared) or "no faults were in force")
    else:
        wishes = {
            name: getattr(options, name) for name in ("agents", "machine", "hub", "percent", "seconds", "only_with_metrics", "after", "back_after")
        }
        inject(site, credentials, Wish(Fault(options.name), **wishes))
        print(f"{options.name}: done")


def _sentence(order: Order) -> str:
    figures = [f"{order.percent:g} %"] * bool(order.percent) + [f"{order.seconds:g} s"] * bool(order.seconds)
    whom = ", ".join(order.machines) or (", ".join(order.agents) if len(order.agents) <= 10 else f"{len(order.agents)} agents")
    condition = " while metrics are on" if order.only_with_metrics else ""
    return " ".join([order.fault.value, *figures, "on", whom]) + condition


def _status(site: Site, as_json: bool) -> int:
    view = look(site, _credentials(site))
    complaints = list(view.complaints(site))
    if as_json:
        print(json.dumps(asdict(view) | {"complaints": complaints}, default=lambda fault: fault.value, indent=1))
    else:
        _table(view)
        for complaint in complaints:
            print(f"  {complaint}")
    return 1 if complaints else 0


def _table(view: View) -> None:
    for machine in view.machines:
        words = [("supervisor", machine.supervisor), ("exporter", machine.exporter), ("blackbox", machine.blackbox), ("load", machine.load)]
        healthy = machine.agents - len(machine.unhealthy)
        print(f"{machine.name:8} agents {healthy}/{machine.agents}  " + "  ".join(f"{name} {'up' if up else 'DOWN'}" for name, up in words))
    for hub in view.hubs:
        print(f"hub {hub.name} {'ready' if hub.ready else 'DOWN'}, targets {hub.targets_up}/{hub.targets}, healthy probes {hub.probes}")
    print("faults: " + ("; ".join(_sentence(order) for order in view.faults) or "none"))


def _credentials(site: Site) -> Credentials:
    credentials = read_credentials(site.state)
    if credentials is None:
        raise LabError(f"the lab {site.name} has never been up")
    return credentials


if __name__ == "__main__":
    sys.exit(main())
