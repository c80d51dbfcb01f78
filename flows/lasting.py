"""A day's last look: whom it has changed lasted, and the change did too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flows.bake import judge_activation, judge_health
from flows.day_run import DayRun
from flows.neighbourhood import restarts_since_the_batches
from rollout.fleet import Agent
from rollout.verdict import Finding


def require_lasting(run: DayRun, agents: Sequence[Agent], began: float, when: str) -> None:
    """These agents were well since then, none ended since the last batch was changed, and each still has the change.

    began: Unix seconds. Raises GateFailed when one did not last, Held when that cannot be told.
    """
    names = [agent.id for agent in agents]
    restarts = restarts_since_the_batches(run, names, began)
    healthy = run.keep("batch_health", judge_health(run, names, began, when, restarts))
    run.stop_unless_passed("batch_health", _of_the_others(run, healthy))
    active = run.keep("activation", judge_activation(run, run.executor.read_all(agents), "all agents at the end"))
    run.stop_unless_passed("activation", _of_the_others(run, active))


def _of_the_others(run: DayRun, findings: Iterable[Finding]) -> list[Finding]:
    """Without what only those lack that went back alone: that is their criterion's to say, and ends no day."""
    return [finding for finding in findings if not finding.agents or not set(finding.agents) <= run.set_back.keys()]
