"""Day 1: system-wide Prometheus exporter rollout (plan.md lines 46-102)."""

from __future__ import annotations

from prefect import flow

from flows.agreement import agree_before
from flows.baseline import take_baseline
from flows.batch_loop import roll_out
from flows.collection import validate_collection
from flows.cost import assess_cost, record_cost
from flows.guard import rollback_on_failure
from flows.impact import assess_impact
from flows.opening import day_run, own_the_fleet
from flows.preview import preview
from flows.rehearsal import rehearse_rollback
from rollout.parameters import DayParameters
from tasks.checklist import check_hub
from tasks.validate import probe_readiness


@flow(name="day-1-metrics", flow_run_name="day-1-metrics-{parameters.site}", persist_result=False)
def day1_metrics(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Activate Prometheus metrics on all 77 agents at a cost below two percent."""
    with day_run(parameters, day=1) as run:
        if parameters.dry_run:
            preview(run)
            return
        own_the_fleet(run)
        with rollback_on_failure(run):
            with run.step("Current state validation"):
                run.require("ready", probe_readiness(run.site, run.agents, run.gate("ready").bounds, len(run.agents)))
                agree_before(run)
                take_baseline(run)
                record_cost(run)
                run.require("hub", check_hub(run.site))
            with run.step("Prometheus exporter activation"):
                rehearse_rollback(run)
                roll_out(run)
            with run.step("Metrics collection validation"):
                validate_collection(run, run.agents)
            with run.step("Performance impact assessment"):
                assess_impact(run)
                assess_cost(run)
