"""Day 4: lazy loading for the agents that remain, and what both days did to the whole system (plan.md lines 220-261)."""

from __future__ import annotations

from prefect import flow

from flows.agreement import agree_before
from flows.baseline import take_baseline
from flows.batch_loop import roll_out
from flows.candidates import choose_candidates
from flows.collection import validate_collection
from flows.guard import rollback_on_failure
from flows.improvement import validate_improvement
from flows.opening import day_run, own_the_fleet
from flows.optimization_health import validate_health
from flows.preview import preview
from flows.rehearsal import rehearse_rollback
from rollout.optimised_before import earlier_day
from rollout.parameters import DayParameters
from tasks.validate import probe_readiness


@flow(name="day-4-optimization", flow_run_name="day-4-optimization-{parameters.site}", persist_result=False)
def day4_optimization(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Optimise what day 3 left, and judge the whole system."""
    with day_run(parameters, day=4) as run:
        earlier = earlier_day(run.site.reports, day=3)
        run.leave_out(() if earlier is None else (row.agent for row in earlier.agents))
        if parameters.dry_run:
            preview(run)
            return
        own_the_fleet(run)
        with rollback_on_failure(run):
            with run.step("Remaining agent analysis"):
                run.require("ready", probe_readiness(run.site, run.agents, run.gate("ready").bounds, len(run.agents)))
                agree_before(run)
                take_baseline(run)
                choose_candidates(run)
            with run.step("Systematic optimization deployment"):
                rehearse_rollback(run)
                roll_out(run)
            with run.step("System-wide performance validation"):
                validate_improvement(run, earlier)
                validate_health(run)
                validate_collection(run, run.site.fleet.agents)
