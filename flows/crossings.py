"""Where a person may step in besides between two agents: between two batches, and at the start of a resumed run (issue 4, sections 6 and 7)."""

from __future__ import annotations

from flows.day_run import DayRun
from rollout.audit import Answer
from rollout.errors import Aborted, Held
from rollout.freeze import freeze_at
from rollout.rollbacks import left_unfinished


def between_batches(run: DayRun) -> None:
    """What stands before each batch. Raises Aborted, and Held in a freeze window unless a person who knew of it has promoted the run."""
    run.control.between_batches(run.ownership.check)
    freeze = freeze_at(run.site.fleet.freezes, run.site.clock.now())
    if freeze is None:
        return
    if run.answer is None or run.answer.said is not Answer.PROMOTE or run.answer.at < freeze.begins.timestamp():
        raise Held(f"fleet {run.site.fleet.name} is {freeze}")


def stop_if_rejected(run: DayRun) -> None:
    """Raises Aborted where a person answered a held run with roll back, and where an earlier attempt left its rollback unfinished: it stands."""
    if run.answer is not None and run.answer.said is Answer.ROLL_BACK:
        raise Aborted(f"rolled back by {run.answer.name}: {run.answer.reason}")
    if cause := left_unfinished(run.ledger):
        raise Aborted(f"an earlier attempt did not finish its rollback: {cause}")
