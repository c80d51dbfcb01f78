"""Where a person may step in besides between two agents: between two batches, and at the start of a resumed run (issue 4, sections 6 and 7)."""

from __future__ import annotations

from flows.day_run import DayRun
from rollout.audit import Answer
from rollout.errors import Aborted, Held
from rollout.freeze import freeze_at


def between_batches(run: DayRun) -> None:
    """What stands before each batch. Raises Aborted, and Held when a freeze window has opened that no person has promoted the run through."""
    run.control.between_batches(run.ownership.check)
    promoted = run.answer is not None and run.answer.said is Answer.PROMOTE
    if not promoted and (freeze := freeze_at(run.site.fleet.freezes, run.site.clock.now())):
        raise Held(f"fleet {run.site.fleet.name} is {freeze}")


def stop_if_rejected(run: DayRun) -> None:
    """Raises Aborted where a person answered a held run with roll back."""
    if run.answer is not None and run.answer.said is Answer.ROLL_BACK:
        raise Aborted(f"rolled back by {run.answer.name}: {run.answer.reason}")
