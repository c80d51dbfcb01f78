"""Settling as a flow: what an automation starts when a day was cancelled or its process died (issue 4, section 3)."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from rollout.checkout import FLEETS
from rollout.clock import Clock, Deadline, SystemClock
from rollout.document import Document
from rollout.errors import RollbackIncomplete, StillAtWork
from rollout.finishing import finish
from rollout.ledger import Step
from rollout.parameters import OnCancel
from rollout.report import DayReport
from rollout.whereabouts import ledger_of, site_of

FAREWELL = 240.0
"""Seconds that a dying process is given to roll back by itself: the plan's two minutes, its last look at the fleet, and its lease."""
LOOK = 1.0
"""Seconds between two looks whether it is gone."""


class After(Enum):
    """Why a run is settled."""

    CANCELLED = "cancelled"
    CRASHED = "crashed"
    ASKED = "asked by a person"


class SettleParameters(Document):
    """Which run, and why."""

    run: str = Field(pattern=r"^[0-9a-f-]{36}$", description="Id of the run of a day: its flow run.")
    after: After = Field(
        default=After.ASKED, description="What became of it. A cancelled run that was started with on_cancel = hold is left to a person."
    )


@flow(name="settle-run", flow_run_name="settle {parameters.run}", persist_result=False)
def settle_run(parameters: SettleParameters) -> State[None]:
    """Bring back what that run left changed; ends as NothingToRollBack where nothing is open, and fails where agents were left behind."""
    log = get_run_logger()
    site_file = site_of(parameters.run, FLEETS)
    if site_file is None:
        return Completed(name="NothingToRollBack", message=f"run {parameters.run} touched nothing: no site of this checkout has a ledger of it")
    ledger = ledger_of(parameters.run, site_file)
    if parameters.after is After.CRASHED and ledger.entries[-1].step is Step.HELD:
        return Completed(name="Held", message=f"run {parameters.run} was held in order before its process ended; it waits for a person")
    asked_to_hold = ledger.opened.facts.get("on_cancel") == OnCancel.HOLD.value
    if parameters.after is After.CANCELLED and asked_to_hold and not ledger.settled:
        return Completed(name="Held", message=f"run {parameters.run} was to hold when cancelled; settle it by hand")
    report = settle_when_gone(parameters.run, site_file, SystemClock())
    if report is None:
        return Completed(name="NothingToRollBack", message=f"run {parameters.run} is settled already")
    log.info("%s", report.sentence)
    if report.rollback is not None and report.rollback.quarantined:
        raise RollbackIncomplete("could not be restored", report.rollback.quarantined)
    return Completed(name="RolledBack", message=report.sentence)


def settle_when_gone(run: str, site_file: Path, clock: Clock) -> DayReport | None:
    """Finish it as soon as its own process is gone; one that still rolls back is the best one to do it. Raises StillAtWork when it never goes."""
    deadline = Deadline.after(clock, FAREWELL)
    while True:
        try:
            return finish(run, site_file)
        except StillAtWork:
            if deadline.passed:
                raise
        clock.sleep(min(LOOK, deadline.remaining))
