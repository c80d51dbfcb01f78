"""Before batch one the way back is tried on the canary: what cannot be undone is not begun (issue: "Acting")."""

from __future__ import annotations

from flows.day_run import DayRun
from flows.quiet_restart import quiet_restart
from rollout.errors import Refused, RollbackIncomplete
from tasks.activate import activate_batch
from tasks.roll_back import roll_back


def rehearse_rollback(run: DayRun) -> None:
    """Apply, verify, revert, verify.

    Raises Refused when the change cannot be verified or when the way back takes longer than the plan gives to that of all, RollbackIncomplete when
    the canary does not come back.
    A run that already holds verified agents has rehearsed before and resumes without restarting its canary.
    """
    if found := run.executor.find_finished(run.agents):
        run.record.notes.append(f"{len(found)} agents were in the wanted state before this run; they were not restarted")
    if run.changed() or not run.schedule.batches:
        return
    canary = run.schedule.batches[0]
    run.begin(canary)
    executor = run.executor
    with quiet_restart(run, canary.agents):
        activation = activate_batch(executor, canary, 0, len(run.schedule.batches), canary.first, canary.last)
        reversal = roll_back([executor], canary.ids, f"the canary {', '.join(canary.ids)}, as a rehearsal")
    if reversal.quarantined:
        raise RollbackIncomplete("the rehearsal on the canary could not be undone", reversal.quarantined)
    if activation.failed:
        reasons = "; ".join(f"{reading.agent}: {', '.join(reading.disagreements)}" for reading in activation.readings if not reading.verified)
        raise Refused(f"the change does not take effect on the canary, which is as it was before ({reasons})")
    if reversal.seconds > (budget := run.day.deadlines.rollback):
        raise Refused(
            f"the way back of the canary {', '.join(canary.ids)} took {reversal.seconds:.1f} s in the rehearsal, more than the {budget:.0f} s that "
            "the plan gives the rollback of all"
        )
    run.record.notes.append(f"rollback rehearsed on the canary {', '.join(canary.ids)}: restored and read back in {reversal.seconds:.1f} s")
