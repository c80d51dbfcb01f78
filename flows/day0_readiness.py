"""Day 0: current state validation and the pre-execution checklist (plan.md lines 33-38 and 428-439). Nothing is changed."""

from __future__ import annotations

from prefect import flow

from flows.baseline import take_baseline
from flows.opening import day_run
from rollout.parameters import DayParameters
from tasks.checklist import acknowledged, check_hub, check_patterns, check_rollback_access, count_coverage
from tasks.dashboards import BEFORE_THE_WEEK, check_dashboards
from tasks.validate import probe_readiness


@flow(name="day-0-readiness", flow_run_name="day-0-readiness-{parameters.site}", persist_result=False)
def day0_readiness(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Is the fleet ready, is anything measured already, can the way back be walked."""
    with day_run(parameters, day=0) as run:
        with run.step("Readiness of the agents"):
            run.require("ready", probe_readiness(run.site, run.agents, run.gate("ready").bounds, len(run.agents)))
        with run.step("Monitoring coverage"):
            run.keep("coverage", count_coverage(run.site, run.agents))
        with run.step("Hub readiness"):
            run.require("hub", check_hub(run.site))
        with run.step("Performance baseline"):
            take_baseline(run)
        with run.step("Pre-execution checklist"):
            run.keep("rollback_access", check_rollback_access(run.site, run.agents))
            run.keep("patterns", check_patterns(run.site, run.plan.patterns))
            run.keep("dashboards", check_dashboards(run.site, BEFORE_THE_WEEK))
            run.keep("acknowledgement", acknowledged(parameters.acknowledged, ("P.6", "P.7"), run.site.clock.now()))
