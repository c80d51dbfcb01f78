"""Activate: the only tasks that change agents forward."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.batches import Batch
from rollout.executor import Activation, Executor, Reversal
from rollout.fleet import Agent
from tasks.task import step


@step("activate batch", "activate batch {index} of {count}, agents {first}-{last}")
def activate_batch(executor: Executor, batch: Batch, index: int, count: int, first: int, last: int) -> Activation:
    """Change a batch and read the effect back; a repetition restarts nobody who is in the wanted state."""
    del count, first, last
    return executor.activate(batch.agents, index)


@step("restart unchanged", "restart {count} agents without changing them")
def restart_unchanged(executor: Executor, agents: Sequence[Agent], batch: int, count: int) -> Reversal:
    """The placebo: a restart and nothing else, read back."""
    del count
    return executor.restart_unchanged(agents, batch)
