"""The one batch loop of all days: activate, bake, look, decide. Days differ in data only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flows.attempts import GO_ON, decided, is_finished
from flows.bake import Baked, bake
from flows.crossings import between_batches
from flows.day_run import DayRun
from flows.placebo import restart_placebo
from flows.quiet_restart import hold_on_alerts, quiet_restart
from rollout.batches import Batch
from rollout.errors import GateFailed, Held
from rollout.executor import Activation, Executor
from rollout.progress import Decision
from rollout.report import BatchReport
from rollout.report_entries import check_report
from rollout.verdict import Verdict
from tasks.activate import activate_batch
from tasks.validate import find_drift

Bake = Callable[[DayRun, Batch, Activation, bool], Baked]
"""Looks at an activated batch until a decision stands; the last argument says whether no batch follows."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One change of a day. batches: with indexes that no other stage of the day has; spacing: seconds from one batch to the next.

    placebo: whether unchanged agents are restarted beside the canary.
    """

    executor: Executor
    batches: tuple[Batch, ...]
    spacing: float
    bake: Bake
    placebo: bool = False


NOT_BAKED = Baked(Decision.HOLD, "", (), 0, None)
"""What the report says of a batch whose bake could not be measured."""


def roll_out(run: DayRun, stage: Stage | None = None) -> None:
    """Take a change through all its batches: the day's own, or that of a stage. Raises GateFailed (the guard rolls back), Held and Drift."""
    stage = stage or Stage(run.executor, run.schedule.batches, run.day.spacing(run.pace, run.site.scrape_interval), bake, placebo=True)
    batches = stage.batches
    last = batches[-1].index if batches else 0
    for batch in batches:
        if is_finished(run, batch):
            continue
        between_batches(run)
        hold_on_alerts(run)
        find_drift(run.watched, run.touched, batch.index)
        run.begin(batch)
        began = run.site.clock.now()
        if batch.is_canary and stage.placebo:
            restart_placebo(run, batch)
        with quiet_restart(run, batch.agents):
            activation = activate_batch(stage.executor, batch, batch.index, last, batch.first, batch.last)
        run.last_activation = activation.verified_at
        try:
            baked = stage.bake(run, batch, activation, batch is batches[-1])
        except Held:
            _record(run, batch, activation, NOT_BAKED, began)
            raise
        _record(run, batch, activation, baked, began)
        run.log.info("batch %d of %d: %s", batch.index, last, baked.decision.value)
        run.show_progress(f"batch {batch.index} of {last}: {baked.decision.value}")
        _carry_out(baked, batch, activation)
        if baked.decision is Decision.PROMOTE:
            run.wait_until(began + stage.spacing)
    hold_on_alerts(run)
    run.finish_batches()


def _carry_out(baked: Baked, batch: Batch, activation: Activation) -> None:
    """What the decision means for the run; PROMOTE and COMPLETE let it go on."""
    gate = f"{baked.gate} of batch {batch.index}"
    if baked.decision is Decision.ROLL_BACK:
        seen = "; ".join(f"{reading.agent}: {', '.join(reading.disagreements)}" for reading in activation.readings if not reading.verified)
        raise GateFailed(
            baked.gate, [finding for finding in baked.findings if finding.verdict is Verdict.FAIL], f"batch {batch.index}: {seen}" if seen else ""
        )
    if baked.decision is Decision.HOLD:
        raise Held(f"gate {gate}: " + "; ".join(finding.sentence.rstrip(".") for finding in baked.findings if finding.verdict is not Verdict.PASS))


def _record(run: DayRun, batch: Batch, activation: Activation, baked: Baked, began: float) -> None:
    """The batch as the report tells it, and its decision in the ledger, where a later attempt finds both."""
    report = BatchReport(
        index=batch.index,
        agents=batch.ids,
        canary=batch.is_canary,
        began=began,
        verified=activation.verified_at,
        ended=run.site.clock.now(),
        decision=baked.decision.value,
        extensions=baked.extensions,
        checks=tuple(check_report(finding.check.partition(".")[0], finding) for finding in baked.findings),
        samples=run.record.samples.get(f"batch-{batch.index:02d}", ""),
        set_back=dict(baked.set_back),
    )
    run.record.batches.append(report)
    run.keep_judgement(batch, baked.judgement)
    decided(run, report, goes_on=baked.decision in GO_ON)
