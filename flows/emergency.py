"""Emergencies from the Prefect UI; `rollout emergency` does the same without a server (plan.md lines 336-383)."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from rollout.document import Document
from rollout.emergency import metrics_off
from rollout.emergency_hub import single_hub
from rollout.emergency_report import Call
from rollout.errors import RollbackIncomplete
from rollout.report import DayReport
from tasks.publish import publish_artifacts

ROOT = Path(__file__).resolve().parent.parent
WEEK3 = ROOT / "plans" / "week3.yaml"
FLEETS = ROOT / "fleets"


class EmergencyParameters(Document):
    """Where, who and why."""

    site: str = Field(default="lab", pattern=r"^[a-z0-9][a-z0-9-]*$", description="Which place: the file fleets/SITE.yaml says how to reach it.")
    name: str = Field(min_length=1, description="Who calls it. Self-declared: the open-source server has no identities.")
    reason: str = Field(min_length=1, description="Why; it stands in the report and in the audit file.")


@flow(name="emergency-metrics", flow_run_name="emergency metrics off on {parameters.site}", persist_result=False)
def emergency_metrics(parameters: EmergencyParameters) -> None:
    """Metrics off on every agent, verified, in two minutes. A run at work is aborted first; fails where agents were left behind."""
    _tell(metrics_off(_call(parameters), FLEETS / f"{parameters.site}.yaml", WEEK3))


@flow(name="emergency-hub", flow_run_name="emergency single hub on {parameters.site}", persist_result=False)
def emergency_hub(parameters: EmergencyParameters) -> None:
    """Back to the single hub with all agents, verified, in three minutes. A run at work is aborted first; fails where something was left behind."""
    _tell(single_hub(_call(parameters), FLEETS / f"{parameters.site}.yaml", WEEK3))


def _call(parameters: EmergencyParameters) -> Call:
    return Call(str(flow_run.id), parameters.name, parameters.reason)


def _tell(report: DayReport) -> None:
    log = get_run_logger()
    log.info("%s", report.sentence)
    try:
        publish_artifacts(report)
    except Exception:
        # the fleet is back and the report on disk; a server that is away must not make that a failure
        log.exception("the report could not be published as artifacts")
    if report.rollback is not None and report.rollback.quarantined:
        raise RollbackIncomplete("could not be restored", report.rollback.quarantined)
