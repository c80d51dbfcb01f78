"""The guard around everything that changes agents: whatever goes wrong inside, the ledger is brought back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from prefect.exceptions import Pause, TerminationSignal

from flows.crossings import stop_if_rejected
from flows.day_run import DayRun
from rollout.confirmation import confirm
from rollout.errors import Drift, GateFailed, Held, OwnershipLost, RollbackIncomplete
from rollout.executor import Reversal, roll_back_all
from rollout.parameters import OnCancel
from rollout.rollbacks import announce
from rollout.single_hub import confirm_way_back
from tasks.roll_back import roll_back

TO_THE_END = 15.0
"""Seconds: half of what Prefect's worker gives a cancelled process before it kills it. The other half is for the report."""


@contextmanager
def rollback_on_failure(run: DayRun) -> Iterator[None]:
    """Roll back by the gate's scope on any failure, and on cancellation unless the person asked to hold.

    Held and Drift stop the run and leave the fleet as it is for a person; a process that lost the fleet may not touch it at all. Prefect's suspend
    is no Exception and passes through. Raises the cause again, or RollbackIncomplete with the quarantined agents.
    """
    try:
        stop_if_rejected(run)
        yield
    except (Held, Drift, OwnershipLost):
        raise
    except (Exception, KeyboardInterrupt, SystemExit, TerminationSignal) as cause:
        if isinstance(cause, (KeyboardInterrupt, SystemExit, TerminationSignal)) and run.parameters.on_cancel is OnCancel.HOLD:
            raise Held("the run was cancelled and asked to hold") from cause
        if not run.ledger.changed():
            raise
        seconds = TO_THE_END if isinstance(cause, TerminationSignal) else math.inf
        reversal = reverse(run, _scope(run, cause), str(cause) or type(cause).__name__, seconds=seconds)
        if _takes_back_more(run, reversal):
            reversal = reverse(run, None, f"{cause}; then aborted by a person", reversal)
        if reversal.quarantined:
            raise RollbackIncomplete(f"could not be restored after: {cause}", reversal.quarantined) from cause
        raise


def reverse(run: DayRun, agents: Sequence[str] | None, cause: str, earlier: Reversal | None = None, *, seconds: float = math.inf) -> Reversal:
    """Roll back those agents of the present change (None: all that the ledger names, change by change) and remember what became of it.

    earlier: what was brought back just before; both are then told and confirmed as one. seconds: from the begin, after which nobody waits any
    longer until they are normal. Raises OwnershipLost.
    """
    run.ownership.check()
    run.log.warning("rolling back: %s", cause)
    what = "everything that this run changed" if agents is None else f"{len(agents)} agents"
    ledger = run.ledger if agents is None else run.executors[0].ledger
    announce(ledger, run.ownership.epoch, cause, run.day.deadlines.rollback, agents)
    reversal = bring_back(run, agents, what)
    if earlier is not None:
        reversal = replace(reversal, began=earlier.began, restored=(*earlier.restored, *reversal.restored))
    run.record.reversal = reversal
    run.record.reversal_cause = cause
    if _takes_back_more(run, reversal):  # the rest does not wait until these are seen to be normal
        return reversal

    def ends() -> bool:
        return _takes_back_more(run, reversal) or run.site.clock.now() - reversal.began > seconds

    confirmed = confirm_way_back if agents is None else confirm
    confirmation = confirmed(run.site, run.day, run.baseline, reversal, ends=ends)
    if confirmation:
        run.record.seconds_to_healthy = confirmation.seconds
        run.record.baseline_after = confirmation.sentence
        run.keep("rollback", [confirmation.finding])
    return reversal


def _takes_back_more(run: DayRun, reversal: Reversal) -> bool:
    """Whether a person has aborted the run meanwhile and something is left that the failure alone would not have brought back."""
    return run.control.aborted and bool(run.ledger.changed()) and not reversal.quarantined


def bring_back(run: DayRun, agents: Sequence[str] | None, what: str) -> Reversal:
    """The rollback as a task, or without Prefect where that cannot run one. agents: of the present change; None: of all. Raises OwnershipLost."""
    executors = run.executors if agents is None else run.executors[:1]
    try:
        return roll_back(executors, agents, what)
    except OwnershipLost:
        raise
    except (Exception, Pause):
        # a Prefect that cannot run a task any more, or a person who suspends the run just now, must not keep the fleet from coming back
        run.log.exception("the rollback task did not run; rolling back without it")
        return roll_back_all(executors, agents)


def _scope(run: DayRun, cause: BaseException) -> Sequence[str] | None:
    """Which agents the failure brings back; None is everybody."""
    if not isinstance(cause, GateFailed) or cause.gate not in {gate.name for gate in run.day.gates}:
        return None
    scope = run.parameters.rollback_scope or run.gate(cause.gate).rollback_scope
    batch = run.current_batch.ids if run.current_batch else ()
    return scope.to_bring_back(batch, [agent for finding in cause.findings for agent in finding.agents])
