"""Taking on an open incident from the Prefect UI; `rollout acknowledge` does the same (issue 7, section 3)."""

from __future__ import annotations

from prefect import flow, get_run_logger
from pydantic import Field

from rollout.alerting.acknowledgement import acknowledge as take_on
from rollout.alerting.acknowledgement import sentence
from rollout.checkout import plan_file, site_file
from rollout.document import Document
from rollout.parameters import PLAN_NAME
from rollout.plan import load_plan
from rollout.site import load_site


class AcknowledgeParameters(Document):
    """Which incident, where, by whom and why."""

    incident: str = Field(pattern=r"^incident-\d{8}-\d{6}$", description="Its name, as the alert has it.")
    site: str = Field(default="lab", pattern=r"^[a-z0-9][a-z0-9-]*$", description="Which place: the file fleets/SITE.yaml says how to reach it.")
    plan: str = Field(default="week3", pattern=PLAN_NAME, description="Which plan has the escalation: the file plans/PLAN.yaml.")
    name: str = Field(min_length=1, description="Who takes it on. Self-declared: the open-source server has no identities.")
    reason: str = Field(min_length=1, description="What is being done; it stands in the silence and in the audit file.")


@flow(name="acknowledge", flow_run_name="acknowledge {parameters.incident}", persist_result=False)
def acknowledge(parameters: AcknowledgeParameters) -> None:
    """The escalation of that incident falls quiet for a while. Fails when it is not the open one or Alertmanager does not answer."""
    plan = load_plan(plan_file(parameters.plan))
    site = load_site(site_file(parameters.site), plan.days[0].deadlines)
    ends = take_on(parameters.incident, parameters.name, parameters.reason, site, plan)
    get_run_logger().info("%s", sentence(parameters.incident, parameters.name, ends))
