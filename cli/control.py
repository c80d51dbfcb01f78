"""`rollout pause|resume|step|abort|answer`: a person's hand on a run."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from rollout.audit import Answer, Order
from rollout.checkout import site_file

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, as in the UI.")]
SiteName = Annotated[str, typer.Option("--site", help="Which place: the file fleets/<site>.yaml.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit file.")]
Name = Annotated[str, typer.Option("--name", help="Who says so (self-declared).", default_factory=getpass.getuser, show_default="the login name")]


def pause(run: RunId, reason: Reason, name: Name, site: SiteName = "lab") -> None:
    """Touch no further agent until resumed; what bakes goes on baking."""
    _order(run, Order.PAUSE, name, reason, site)


def resume(run: RunId, reason: Reason, name: Name, site: SiteName = "lab") -> None:
    """Let a paused run go on."""
    _order(run, Order.RESUME, name, reason, site)


def step(run: RunId, reason: Reason, name: Name, site: SiteName = "lab") -> None:
    """Let a run go on to the end of one batch, then pause."""
    _order(run, Order.STEP, name, reason, site)


def abort(run: RunId, reason: Reason, name: Name, site: SiteName = "lab") -> None:
    """End a run at work: everything that it changed comes back."""
    _order(run, Order.ABORT, name, reason, site)


def answer(run: RunId, decision: Annotated[Answer, typer.Argument(help="How it goes on.")], reason: Reason, name: Name) -> None:
    """Answer a held run, as its form in the UI does: promote goes on with the next batch, extend measures this one again."""
    from cli.follow import server_state
    from deployments.address import api_url
    from deployments.answer import answer as give

    give(run, decision, name, reason, api_url(server_state()))
    print(f"Run {run} goes on: {decision.value}, by {name}.")


def _order(run: str, order: Order, name: str, reason: str, site: str) -> None:
    """Through the audit file, so that it works without a server."""
    from flows.control_run import ControlParameters
    from flows.control_run import order as give
    from rollout.document import validated

    given = {"run": run, "order": order.value, "name": name, "reason": reason}
    give(validated(ControlParameters, given, "the order"), site_file(site))
    print(f"Run {run} was told to {order.value}; it is heeded before the next agent is touched.")
