"""Any day of any plan whose change is a configuration flag: is everybody well, the flag batch by batch, is everybody well still."""

from __future__ import annotations

from prefect import flow
from pydantic import Field

from flows.batch_loop import roll_out
from flows.day_run import DayRun
from flows.guard import rollback_on_failure
from flows.lasting import require_lasting
from flows.opening import day_run, own_the_fleet
from flows.preview import preview
from flows.rehearsal import rehearse_rollback
from rollout.errors import Refused
from rollout.parameters import PLAN_NAME, DayParameters
from tasks.validate import probe_readiness


class FlagParameters(DayParameters):
    """Which plan and which of its days; the rest as for every day."""

    plan: str = Field(default="config-flag", pattern=PLAN_NAME, description="Which plan: the file plans/PLAN.yaml.")
    day: int = Field(default=1, ge=0, description="Which day of the plan; its change is a flag.")


@flow(name="flag-day", flow_run_name="{parameters.plan}-day-{parameters.day}-{parameters.site}", persist_result=False)
def flag_day(parameters: FlagParameters = FlagParameters()) -> None:  # noqa: B008 (frozen)
    """Set a configuration flag on the agents that the day selects."""
    with day_run(parameters, day=parameters.day) as run:
        if parameters.dry_run:
            preview(run)
            return
        own_the_fleet(run)
        with rollback_on_failure(run):
            with run.step("Current state validation"):
                ready = run.gate("ready")
                run.require("ready", probe_readiness(run.site, run.agents, ready.bounds, len(run.agents), ready.suite))
            with run.step("Flag"):
                rehearse_rollback(run)
                roll_out(run)
            with run.step("Health of the changed fleet"):
                validate_health(run)


def validate_health(run: DayRun) -> None:
    """Let the changed agents run, then ask once more. Raises GateFailed when one did not last, Held when that cannot be told."""
    if run.day.soak is None:
        raise Refused(f"day {run.day.day} has no soak")
    began = run.site.clock.now()
    run.wait_until(began + run.day.soak)
    require_lasting(run, run.agents, began, "through the soak")
