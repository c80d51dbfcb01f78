"""What else happened around a batch while it baked: agents that somebody else restarted (issue 3, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flows.day_run import DayRun
from rollout.batches import Batch
from rollout.executor import Activation
from rollout.observe.restarts import Restart
from tasks.validate import find_restarts


def foreign_restarts(run: DayRun, batch: Batch, activation: Activation) -> Mapping[str, Restart]:
    """Restarts by somebody else in the window of this batch, of its agents and of those that it is compared with."""
    begins = first_touched(run, batch, activation) - run.windows.before * run.site.scrape_interval
    return restarts_of(run, {*run.changed(), *run.neighbours(batch)}, begins, batch.index)


def first_touched(run: DayRun, batch: Batch, activation: Activation) -> float:
    """The end of the time before, in Unix seconds.

    The canary was restarted by the rehearsal of its rollback already: what it went through since is neither before nor after.
    """
    rehearsed = run.ledger.rehearsed_at(batch.ids) if batch.is_canary else None
    return min(activation.since, rehearsed) if rehearsed is not None else activation.since


def restarts_since_the_batches(run: DayRun, agents: Iterable[str], began: float) -> Mapping[str, Restart]:
    """Restarts since the last batch was changed: what happens between its last look and the soak is looked at by nobody else.

    began: Unix seconds, of the soak; it counts where an earlier attempt has changed the last batch.
    """
    return restarts_of(run, agents, run.last_activation or began, 0)


def restarts_of(run: DayRun, agents: Iterable[str], begins: float, batch: int) -> Mapping[str, Restart]:
    """Restarts of these agents since then that this run did not make; each is told once in the report."""
    ours = run.ledger.last_times()
    found = find_restarts(run.site, {agent: max(begins, ours.get(agent, begins)) for agent in agents}, batch)
    for agent, restart in sorted(found.items()):
        how = "was restarted by somebody else" if restart.asked else "ended by itself and was started again"
        look = f"the look at batch {batch}" if batch else "the last look"
        note = f"{agent} {how} ({run.site.clock.now() - restart.at:.0f} s before {look})"
        if agent not in run.restarted:
            run.restarted.add(agent)
            run.record.notes.append(note)
    return found
