"""Roll back: explicit, retried and visible; it imports nothing that judges."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.executor import Executor, Reversal, roll_back_all
from tasks.task import step


@step("roll back", "roll back {what}")
def roll_back(executors: Sequence[Executor], agents: Sequence[str] | None, what: str) -> Reversal:
    """Bring back those agents, or all that the ledger names, change by change, last changed first; verified one by one."""
    del what
    return roll_back_all(executors, agents)
