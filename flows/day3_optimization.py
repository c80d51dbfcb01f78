"""Day 3: lazy loading for the 25 agents that gain most (plan.md lines 165-218)."""

from __future__ import annotations

from prefect import flow

from flows.agreement import agree_before
from flows.baseline import take_baseline
from flows.batch_loop import roll_out
from flows.candidates import choose_candidates
from flows.guard import rollback_on_failure
from flows.improvement import validate_improvement
from flows.opening import day_run, own_the_fleet
from flows.optimization_health import validate_health
from flows.preview import preview
from flows.rehearsal import rehearse_rollback
from rollout.parameters import DayParameters
from tasks.validate import probe_readiness


@flow(name="day-3-optimization", flow_run_name="day-3-optimization-{parameters.site}", persist_result=False)
def day3_optimization(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Defer heavy imports where it pays, prove it agent by agent, and break nothing."""
    with day_run(parameters, day=3) as run:
        if parameters.dry_run:
            preview(run)
            return
        own_the_fleet(run)
        with rollback_on_failure(run):
            with run.step("Optimization candidate analysis"):
                run.require("ready", probe_readiness(run.site, run.agents, run.gate("ready").bounds, len(run.agents)))
                agree_before(run)
                take_baseline(run)
                choose_candidates(run)
            with run.step("Lazy loading pattern deployment"):
                rehearse_rollback(run)
                roll_out(run)
            with run.step("Performance monitoring and validation"):
                validate_improvement(run)
            with run.step("System health validation"):
                validate_health(run)
