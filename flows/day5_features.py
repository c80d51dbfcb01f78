"""Day 5: discovery, dashboards, alerting, and coordination across machines (plan.md lines 265-296)."""

from __future__ import annotations

from prefect import flow

from flows.agreement import agree_before
from flows.baseline import take_baseline
from flows.batch_loop import roll_out
from flows.coordination import both_hubs, judge_coordination, judge_discovery, judge_lookups
from flows.cost import assess_cost, record_cost
from flows.guard import rollback_on_failure
from flows.lasting import require_lasting
from flows.opening import day_run, own_the_fleet
from flows.preview import preview
from flows.rehearsal import rehearse_rollback
from rollout.parameters import DayParameters
from tasks.alerting import check_alerting, deploy_alerting
from tasks.checklist import check_hub
from tasks.dashboards import check_dashboards
from tasks.validate import probe_readiness


@flow(name="day-5-features", flow_run_name="day-5-features-{parameters.site}", persist_result=False)
def day5_features(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Agents find each other by name; hubs discover all of them; dashboards live, alerts ring, both hubs tell the same. Refused without both."""
    with day_run(parameters, day=5) as run:
        if parameters.dry_run:
            both_hubs(run)
            preview(run)
            return
        own_the_fleet(run)
        with rollback_on_failure(run):
            pair = both_hubs(run)
            with run.step("Service discovery enhancement"):
                run.require("ready", probe_readiness(run.site, run.agents, run.gate("ready").bounds, len(run.agents)))
                run.require("hub", check_hub(run.site))
                agree_before(run)
                take_baseline(run)
                record_cost(run)
                rehearse_rollback(run)
                roll_out(run)
                run.require("lookups", judge_lookups(run))
                run.require("discovery", judge_discovery(run, pair))
            with run.step("Advanced monitoring capabilities"):
                run.keep("alerting", (*deploy_alerting(run.site, run.plan), *check_alerting(run.site, run.plan)))
                run.keep("dashboards", check_dashboards(run.site))  # after the rules, whose series some panels show
            with run.step("Cross-machine coordination testing"):
                run.require("coordination", judge_coordination(run))
                require_lasting(run, run.standing, run.last_activation or run.record.started, "since the last batch")
                assess_cost(run)
