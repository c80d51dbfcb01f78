"""What the Prefect server does by itself when a day's run does not end by itself: it settles it (issue 4, section 3).

Applying twice is applying once, and an automation that a person has switched off stays off.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

DAY_TAG = "rollout-day"
"""On every deployment that changes a fleet, and not on settle-run: it must not settle itself."""
SILENCE = timedelta(seconds=90)
"""Three heartbeats."""
SILENT = frozenset(f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Crashed", "Cancelled", "Suspended"))
"""States in which no process sends heartbeats, and none has to."""


def automations(settle_run: UUID) -> Iterator[AutomationCore]:
    """All of them. settle_run: the id of that deployment."""
    for state, after in (("Cancelled", "cancelled"), ("Crashed", "crashed")):
        yield AutomationCore(
            name=f"settle a day that was {after}",
            description=f"Starts settle-run when a day's run is {state}: its own rollback may have been cut short.",
            trigger=_of_days(expect={f"prefect.flow-run.{state}"}, posture=Posture.Reactive, within=timedelta(0)),
            # a bare {{ flow_run.id }} is refused where nobody sees it: the value has to be text
            actions=[RunDeployment(deployment_id=settle_run, parameters={"parameters": {"run": "{{ flow_run.id | string }}", "after": after}})],
        )
    yield AutomationCore(
        name="a silent day has crashed",
        description="Marks a day's run Crashed when its heartbeat is lost: its machine, or its process together with its worker, is gone.",
        trigger=_of_days(
            expect={"prefect.flow-run.heartbeat"} | SILENT, posture=Posture.Proactive, within=SILENCE, after={"prefect.flow-run.heartbeat"}
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"no heartbeat for {SILENCE.total_seconds():.0f} s")],
    )


def put(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    """Create or replace one automation, found again by its name."""
    present = client.read_automations_by_name(wanted.name)
    if not present:
        client.create_automation(wanted)
        return
    client.update_automation(present[0].id, wanted.model_copy(update={"enabled": present[0].enabled}))


def _of_days(*, expect: set[str], posture: Posture, within: timedelta, after: frozenset[str] | set[str] = frozenset()) -> EventTrigger:
    """A trigger for each flow run of a deployment with the days' tag."""
    return EventTrigger(
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{DAY_TAG}"}),
        for_each={"prefect.resource.id"},
        after=set(after),
        expect=expect,
        posture=posture,
        threshold=1,
        within=within,
    )
