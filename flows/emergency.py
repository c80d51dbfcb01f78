"""Emergencies from the Prefect UI; `rollout emergency` does the same without a server (plan.md lines 336-383)."""

from __future__ import annotations

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from rollout.checkout import plan_file, site_file
from rollout.document import Document
from rollout.emergency import Call, Protocol, take_back
from rollout.errors import RollbackIncomplete
from rollout.parameters import PLAN_NAME
from rollout.protocols import METRICS_OFF, OPTIMIZATION_BACK, SINGLE_HUB
from tasks.publish import publish_artifacts


class EmergencyParameters(Document):
    """Where, who and why."""

    plan: str = Field(default="week3", pattern=PLAN_NAME, description="Which plan has the emergency: the file plans/PLAN.yaml.")
    site: str = Field(default="lab", pattern=r"^[a-z0-9][a-z0-9-]*$", description="Which place: the file fleets/SITE.yaml says how to reach it.")
    name: str = Field(min_length=1, description="Who calls it. Self-declared: the open-source server has no identities.")
    reason: str = Field(min_length=1, description="Why; it stands in the report and in the audit file.")


@flow(name="emergency-metrics", flow_run_name="emergency metrics off on {parameters.site}", persist_result=False)
def emergency_metrics(parameters: EmergencyParameters) -> None:
    """Metrics off on every agent, verified, in two minutes. A run at work is aborted first; fails where agents were left behind."""
    _carry_out(parameters, METRICS_OFF)


@flow(name="emergency-hub", flow_run_name="emergency single hub on {parameters.site}", persist_result=False)
def emergency_hub(parameters: EmergencyParameters) -> None:
    """Back to the single hub with all agents, verified, in three minutes. A run at work is aborted first; fails where something was left behind."""
    _carry_out(parameters, SINGLE_HUB)


@flow(name="emergency-optimization", flow_run_name="emergency optimizations back on {parameters.site}", persist_result=False)
def emergency_optimization(parameters: EmergencyParameters) -> None:
    """All optimizations back on every agent, verified, in five minutes. A run at work is aborted first; fails where agents were left behind."""
    _carry_out(parameters, OPTIMIZATION_BACK)


def _carry_out(parameters: EmergencyParameters, protocol: Protocol) -> None:
    """The protocol under this flow run's id. Raises RollbackIncomplete."""
    report = take_back(Call(str(flow_run.id), parameters.name, parameters.reason), protocol, site_file(parameters.site), plan_file(parameters.plan))
    log = get_run_logger()
    log.info("%s", report.sentence)
    try:
        publish_artifacts(report)
    except Exception:
        # the fleet is back and the report on disk; a server that is away must not make that a failure
        log.exception("the report could not be published as artifacts")
    if report.rollback is not None and report.rollback.quarantined:
        raise RollbackIncomplete("could not be restored", report.rollback.quarantined)
