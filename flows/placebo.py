"""The placebo of the canary step: a few unchanged agents are restarted too, so that restart and change can be told apart (judge.md)."""

from __future__ import annotations

from flows.day_run import DayRun
from flows.quiet_restart import quiet_restart
from rollout.batches import Batch
from rollout.errors import ActFault
from tasks.activate import restart_unchanged


def restart_placebo(run: DayRun, canary: Batch) -> None:
    """Restart as many unchanged agents as the plan says, from a later batch on the canary's machine. Raises ActFault if one does not come back.

    A plan that says none gets a report that cannot tell a restart from the change. A resumed run does not repeat it.
    """
    wanted = run.batches.placebo
    if wanted == 0:
        run.record.unknowns.append("whether an effect comes from the change or from the restart: the plan forbids a placebo restart")
        return
    if canary.ids[0] in run.changed():
        return
    later = [batch for batch in run.schedule.batches if batch.index > (len(run.schedule.batches) + 1) // 2]
    machines = {agent.machine for agent in canary.agents}
    chosen = [agent for batch in later for agent in batch.agents if agent.machine in machines and not agent.hub][:wanted]
    if not chosen:
        return
    names = [agent.id for agent in chosen]
    run.touched.update(names)
    with quiet_restart(run, chosen):
        outcome = restart_unchanged(run.executor, chosen, canary.index, len(chosen))
    if outcome.quarantined:
        raise ActFault("a restart without any change did not bring back", outcome.quarantined)
    run.placebo = tuple(names)
    run.record.notes.append(f"restarted unchanged, as a placebo: {', '.join(names)}")
