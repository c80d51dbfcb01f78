"""Day 6: system-wide load testing with full monitoring (plan.md lines 298-327). No agent is changed; the fleet is owned all the same."""

from __future__ import annotations

from prefect import flow

from flows.load_test import preview_load, put_under_load
from flows.opening import day_run, own_the_fleet
from rollout.parameters import DayParameters
from tasks.checklist import check_hub
from tasks.validate import probe_readiness


@flow(name="day-6-load", flow_run_name="day-6-load-{parameters.site}", persist_result=False)
def day6_load(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Progressive load on every agent, ended by the first level that does not hold; refused without its hubs and a healthy fleet."""
    with day_run(parameters, day=6) as run:
        if parameters.dry_run:
            preview_load(run)
            return
        own_the_fleet(run)
        with run.step("System-wide load testing"):
            run.require("hub", check_hub(run.site))
            run.require("ready", probe_readiness(run.site, run.agents, run.gate("ready").bounds, len(run.agents)))
            put_under_load(run)
