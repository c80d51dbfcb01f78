"""The last step of an optimization day: nobody is worse off, of the optimised and of all others (plan.md lines 195-206 and 242-253)."""

from __future__ import annotations

from flows.bake import judge_health
from flows.contract import GATE, judge_answers
from flows.day_run import DayRun
from flows.impact import assess_impact
from flows.neighbourhood import restarts_of


def validate_health(run: DayRun) -> None:
    """Soak, pool what the batches showed, replay every contract, and look at the whole fleet. Raises GateFailed, Held."""
    began, everybody = run.site.clock.now(), [agent.id for agent in run.site.fleet.agents]
    if run.standing:
        assess_impact(run)
        run.require(GATE, judge_answers(run, run.standing, "all optimised agents at the end"))
    else:
        run.record.unknowns.append("what the optimization costs: no agent has it")
    restarts = restarts_of(run, everybody, began, 0)
    run.require("system_health", judge_health(run, everybody, began, "the whole fleet", restarts))
