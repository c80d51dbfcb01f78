"""Day 2: a central and an edge hub that back each other (plan.md lines 104-161)."""

from __future__ import annotations

from prefect import flow

from flows.drill import drill_failover
from flows.guard import rollback_on_failure
from flows.hub_stages import deploy_hub, require_configuration, route_agents
from flows.opening import day_run, own_the_fleet
from flows.pair_gates import validate_pair
from flows.preview import preview
from rollout.parameters import DayParameters
from tasks.validate import probe_readiness


@flow(name="day-2-hubs", flow_run_name="day-2-hubs-{parameters.site}", persist_result=False)
def day2_hubs(parameters: DayParameters = DayParameters()) -> None:  # noqa: B008 (frozen)
    """Deploy the edge hub, make the central one its peer, route the agents, and prove by a drill that either may die."""
    with day_run(parameters, day=2) as run:
        central, edge = run.site.hub_pair.hubs
        if parameters.dry_run:
            preview(run)
            return
        own_the_fleet(run)
        with rollback_on_failure(run):
            with run.step("Edge hub deployment"):
                require_configuration(run)
                run.require("ready", probe_readiness(run.site, run.agents, run.gate("ready").bounds, len(run.agents)))
                deploy_hub(run, edge)
            with run.step("Central hub enhancement"):
                deploy_hub(run, central)
            with run.step("Cross-machine metrics synchronization"):
                route_agents(run)
            with run.step("Distributed architecture validation"):
                validate_pair(run)
                drill_failover(run)
