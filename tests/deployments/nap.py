"""A flow that sleeps in three tasks and says when it is interrupted; it stands in for the days in tests of the server around them."""

import time
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.exceptions import TerminationSignal
from pydantic import BaseModel, ConfigDict, Field


class NapParameters(BaseModel):
    """What a person fills in."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(0.1, ge=0, le=60, description="How long each of the three tasks sleeps.")
    undo_seconds: float = Field(0.0, ge=0, le=60, description="How long taking back takes.")
    witness: Path | None = Field(None, description="File that an interrupted run writes when it has taken back.")


@task(task_run_name="rest {number} of 3")
def rest(number: int, seconds: float) -> None:
    """Sleep."""
    time.sleep(seconds)
    get_run_logger().info("rested %d", number)


@flow(name="nap")
def nap(parameters: NapParameters) -> None:
    """Sleep three times; when interrupted, take as long as asked and leave a witness."""
    try:
        for number in (1, 2, 3):
            rest(number, parameters.seconds)
    except TerminationSignal:
        time.sleep(parameters.undo_seconds)
        if parameters.witness:
            parameters.witness.write_text("undone")
        raise
