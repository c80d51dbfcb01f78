"""What a ledger and a report say of a run now, as pure functions: its state, its batches, who is being restarted, what became worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from rollout.ledger import Entry, Ledger, Step
from rollout.observe.state_folder import State
from rollout.report import Outcome
from rollout.rollbacks import last_rollback
from rollout.verdict import Verdict


class RunState(Enum):
    """Where a run stands. ABANDONED: open, and nobody works on it or was asked anything: to be settled."""

    AT_WORK = "at work"
    ROLLING_BACK = "rolling back"
    HELD = "held"
    ABANDONED = "abandoned"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """Unix seconds of one batch: first intended, last verified, decided; None where it has not come so far. decision: empty until then."""

    agents: int
    began: float
    verified: float | None
    ended: float | None
    decision: str
    verdict: Verdict | None


RESTARTING = frozenset({Step.INTENDED, Step.APPLIED, Step.REVERTING})
"""Steps in which an agent of ours may be away for a moment."""
CHANGED_NOW = frozenset({Step.APPLIED, Step.VERIFIED, Step.FOUND})


def run_state(ledger: Ledger, *, alive: bool) -> RunState:
    """alive: whether its process still works."""
    if ledger.settled:
        return RunState.SETTLED
    rollback = last_rollback(ledger)
    if rollback is not None and rollback.ended is None and rollback.settled is None:
        return RunState.ROLLING_BACK if alive else RunState.ABANDONED
    if alive:
        return RunState.AT_WORK
    own = [entry for entry in ledger.entries if not entry.agent and entry.step in (Step.OPENED, Step.HELD)]
    return RunState.HELD if own and own[-1].step is Step.HELD else RunState.ABANDONED


def batch_times(ledger: Ledger) -> dict[int, BatchTimes]:
    """Each batch by its index, of what was last attempted of it."""
    decisions = ledger.decisions()
    steps = ledger.last_steps()
    members: dict[int, dict[str, float]] = {}
    verified: dict[int, float] = {}
    for entry in ledger.entries:
        if entry.batch and entry.step is Step.INTENDED:
            members.setdefault(entry.batch, {})[entry.agent] = entry.at
        elif entry.batch and entry.step is Step.VERIFIED:
            verified[entry.batch] = entry.at
    return {
        index: _times(agents, verified.get(index), decisions.get(index), done=all(steps.get(agent) is not Step.APPLIED for agent in agents))
        for index, agents in sorted(members.items())
    }


def _times(agents: Mapping[str, float], verified: float | None, decision: Entry | None, *, done: bool) -> BatchTimes:
    said = decision.facts["report"] if decision else None
    verdicts = [Verdict[check["verdict"]] for check in said["checks"]] if said else []
    return BatchTimes(
        len(agents),
        min(agents.values()),
        verified if done else None,
        decision.at if decision else None,
        str(said["decision"]) if said else "",
        max(verdicts, default=None),
    )


def planned_restarts(ledger: Ledger, now: float, within: float) -> tuple[str, ...]:
    """Agents that the run is restarting now. within: seconds after which an agent that is not back is no planned absence any more."""
    at = ledger.last_times()
    return tuple(agent for agent, step in ledger.last_steps().items() if step in RESTARTING and now - at[agent] < within)


def changed_agents(ledger: Ledger) -> dict[str, int]:
    """Agents that carry the change, each with its batch (0: found so)."""
    batches = ledger.batches()
    return {agent: batches.get(agent, 0) for agent, step in ledger.last_steps().items() if step in CHANGED_NOW}


def degradations(state: State) -> tuple[str, ...]:
    """What the run's gates found worse while its agents still are as it made them; a rollback of the day ends that (as in its report)."""
    if state.report is not None:
        if state.report.outcome is Outcome.ROLLED_BACK:
            return ()
        checks = [check.sentence for batch in state.report.batches for check in batch.checks if check.verdict == Verdict.FAIL.name]
        return tuple(dict.fromkeys(checks))
    if state.judgements is None or state.ledger is None or not changed_agents(state.ledger):
        return ()
    return tuple(m.sentence for judged in state.judgements.batches.values() for m in judged.metrics if m.votes and m.verdict is Verdict.FAIL)
