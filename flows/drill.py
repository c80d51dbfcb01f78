"""The drill of day 2: each hub is killed in turn, and what the other did meanwhile is measured (plan.md line 144)."""

from __future__ import annotations

import pandas as pd

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.batches import Batch
from rollout.errors import ActFault, OwnershipLost, Refused, RollbackIncomplete, SourceFault
from rollout.hub import Hub
from rollout.plan import ChangeKind, Drill
from rollout.verdict import Evidence, Finding
from tasks.activate import activate_batch
from tasks.pair import ask_watchdog, measure_outage
from tasks.roll_back import roll_back

LOOK = 0.5
"""Seconds between two looks at a watchdog."""
PARTITION = "what a partition of the hubs would do: a fleet whose machines share one kernel has no network between them that could be cut"


def drill_failover(run: DayRun) -> None:
    """Kill the first hub, then the other, each for the plan's time. Raises GateFailed, and Held when it could not be measured."""
    pair, findings = run.site.hub_pair, list[Finding]()
    for hub in pair.hubs:
        findings += _drill(run, hub)
    run.record.unknowns.append(PARTITION)
    run.require("failover", findings)


def _drill(run: DayRun, hub: Hub) -> list[Finding]:
    """One outage through the ledger, so that it ends whatever becomes of this process."""
    drill, survivor = _planned(run), run.site.hub_pair.peer(hub)
    executor, clock = run.executor_of(ChangeKind.OUTAGE), run.site.clock
    victim = Batch(0, 1, (hub.agent,))
    activation = activate_batch(executor, victim, 0, 1, 1, 1)
    if activation.failed:
        raise ActFault(f"hub {hub.name} could not be stopped for the drill", activation.failed)
    began = activation.since
    try:
        run.wait_until(began + drill.outage)
        noticed = patiently(run, lambda: ask_watchdog(run.site.hub_pair, survivor, run.day.deadlines.probe, survivor.machine.name))
    except OwnershipLost:
        raise
    except BaseException:
        executor.roll_back(victim.ids)  # a run that is held or cancelled now leaves the fleet as it is for days: not with a dead hub
        raise
    reversal = roll_back([executor], victim.ids, f"hub {hub.name}, which the drill has killed")
    if reversal.quarantined:
        raise RollbackIncomplete(f"hub {hub.name} did not come back from the drill", reversal.quarantined)
    back = clock.now()
    returned = _returned(run, survivor, back + drill.recovery)
    margin = run.gate("hub_consistency").bounds["margin_seconds"]
    run.wait_until(clock.now() + margin)
    agents = [agent.id for agent in run.agents]
    frame = patiently(run, lambda: measure_outage(run.site.hub_pair, hub, agents, began, back, margin, hub.name))
    run.keep_samples(f"outage-of-{hub.name}", frame)
    own = frame[frame["agent"].str.startswith(f"{hub.machine.name}/")]
    times = pd.DataFrame(
        {
            "detection_seconds": [noticed.detection],
            "median_gap_seconds": [own["gap_seconds"].median()],
            "return_seconds": [returned - back if returned is not None else None],
        }
    )
    gaps, again = own["gap_seconds"], _seconds(returned - back if returned is not None else None)
    run.record.notes.append(
        f"drill: {hub.name} dead for {back - began:.0f} s; noticed after {_seconds(noticed.detection)}, median gap {gaps.median():.1f} s "
        f"(worst {gaps.max():.1f} s), targets back after {again}"
    )
    evidence = Evidence(survivor.name, "probe_success of each agent, raw; metrics of the watchdog", began, clock.now(), len(frame))
    what = f"outage of {hub.name}"
    rows = run.judge("failover", frame, run.gate("failover").bounds, evidence, agents, (), what)
    return [*rows, *run.judge("failover_time", times, run.gate("failover_time").bounds, evidence, (), (), what)]


def _returned(run: DayRun, survivor: Hub, until: float) -> float | None:
    """When the survivor's watchdog has given all targets back; None if it had not by then."""
    while (now := run.site.clock.now()) < until:
        try:
            if ask_watchdog(run.site.hub_pair, survivor, run.day.deadlines.probe, survivor.machine.name).targets == 0:
                return now
        except SourceFault as fault:
            run.log.warning("waiting for the watchdog: %s", fault)
        run.wait_until(now + LOOK)
    return None


def _planned(run: DayRun) -> Drill:
    if run.day.drill is None:
        raise Refused(f"day {run.day.day} has no drill")
    return run.day.drill


def _seconds(value: float | None) -> str:
    return "unknown time" if value is None else f"{value:.1f} s"
