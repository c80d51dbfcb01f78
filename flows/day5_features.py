"""Day 5: discovery, dashboards, alerting, and coordination across machines (plan.md lines 265-296). It proves them; it changes no agent."""

from __future__ import annotations

from prefect import flow

from flows.coordination import both_hubs, judge_coordination, judge_discovery
from flows.cost import assess_cost, record_cost
from flows.opening import day_run, own_the_fleet
from rollout.parameters import DayParameters
from tasks.alerting import check_alerting
from tasks.checklist import check_hub
from tasks.dashboards import check_dashboards


@flow(name="day-5-features", flow_run_name="day-5-features-{parameters.site}", persist_result=False)
def day5_features(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Are all agents discovered, is every dashboard alive, does every alert ring and end, and do both hubs tell the same; refused without both."""
    with day_run(parameters, day=5) as run:
        pair = both_hubs(run)
        if parameters.dry_run:
            run.record.notes.append(f"dry run: the targets of both hubs, every dashboard and every alert would be tried for {len(run.agents)} agents")
            return
        own_the_fleet(run)
        run.require("hub", check_hub(run.site))
        with run.step("Service discovery enhancement"):
            record_cost(run)
            run.require("discovery", judge_discovery(run, pair))
        with run.step("Advanced monitoring capabilities"):
            run.keep("dashboards", check_dashboards(run.site))
            run.keep("alerting", check_alerting(run.site, run.plan))
        with run.step("Cross-machine coordination testing"):
            run.require("coordination", judge_coordination(run))
            assess_cost(run)
