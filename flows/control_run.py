"""A person's order to a run, from the Prefect UI: this flow's form is the panel (issue 4, section 7)."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger
from pydantic import Field

from rollout.audit import AuditEntry, AuditFile, Order
from rollout.checkout import FLEETS
from rollout.clock import SystemClock
from rollout.control import give_order
from rollout.document import Document
from rollout.errors import Refused
from rollout.ownership import Ownership
from rollout.site_file import load_site_file
from rollout.whereabouts import ledger_of, site_of


class ControlParameters(Document):
    """Which run, what it is told, by whom and why."""

    run: str = Field(pattern=r"^[0-9a-f-]{36}$", description="Id of the run of a day: its flow run.")
    order: Order = Field(
        description="pause: touch no further agent until resumed. resume: go on. step: go on to the end of one batch. abort: bring everything back."
    )
    name: str = Field(min_length=1, description="Who says so. Self-declared: the open-source server has no identities.")
    reason: str = Field(min_length=1, description="Why; it stands in the audit file.")


@flow(name="control-run", flow_run_name="{parameters.order.value} {parameters.run}", persist_result=False)
def control_run(parameters: ControlParameters) -> None:
    """Hand an order to a run at work; it is heeded before the next agent is touched. Fails when that run is not at work."""
    site_file = site_of(parameters.run, FLEETS)
    if site_file is None:
        raise Refused(f"no site of this checkout has a run {parameters.run}")
    order(parameters, site_file)
    get_run_logger().info("run %s was told to %s by %s", parameters.run, parameters.order.value, parameters.name)


def order(parameters: ControlParameters, site_file: Path) -> None:
    """The same without Prefect. Raises Refused when the run is unknown there or not at work."""
    if not ledger_of(parameters.run, site_file).exists:
        raise Refused(f"{site_file.stem} has no run {parameters.run}")
    clock = SystemClock()
    site, fleet = load_site_file(site_file)
    entry = AuditEntry(clock.now(), parameters.run, parameters.order, parameters.name, parameters.reason)
    give_order(entry, AuditFile(site.state), Ownership(site.state / "fleets", fleet.name, clock), clock)
