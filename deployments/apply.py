"""Brings what prefect.yaml says to a Prefect API: pools, deployments, and the automations that settle a day.

Applying twice is applying once, and a schedule that a person has switched on or off stays as it is.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.exceptions import MissingFlowError, ObjectAlreadyExists, ObjectNotFound, ScriptError
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from deployments.api import client_of, fault, insist
from deployments.automations import automations
from deployments.automations import put as put_automation
from deployments.manifest import MANIFEST, Deployment, read_manifest
from deployments.programs import ROOT, Pool
from rollout.clock import Clock, SystemClock
from rollout.errors import InputError

if TYPE_CHECKING:
    from prefect.flows import Flow

SETTLE = "settle-run"
"""The deployment that automations start; a manifest without it has none."""


def apply(api_url: str, manifest: Path = MANIFEST, clock: Clock | None = None) -> dict[str, UUID]:
    """Create or update all pools and deployments; returns the deployments' ids by name.

    Raises InputError (the manifest or a flow it names is wrong), Unreachable (no API there, or too busy) and Refused (the API says no). Flows are
    loaded before anything is sent, so a broken one leaves the server as it was.
    """
    clock = clock or SystemClock()
    wanted = read_manifest(manifest)
    flows = {each.name: flow_of(each, manifest) for each in wanted.deployments}
    pull = [dict(step) for step in wanted.pull]
    try:
        with client_of(api_url) as client:
            for pool in Pool:
                insist(partial(ensure_pool, client, pool), clock)
            ids = {each.name: insist(partial(put, client, each, flows[each.name], pull), clock) for each in wanted.deployments}
            if SETTLE in ids:
                for automation in automations(ids[SETTLE]):
                    insist(partial(put_automation, client, automation), clock)
            return ids
    except httpx.HTTPError as error:
        raise fault(error, api_url, "take the deployments") from error


def flow_of(deployment: Deployment, manifest: Path) -> Flow[..., object]:
    """The flow an entrypoint names, which must load in this very environment: the workers use it too."""
    try:
        return load_flow_from_entrypoint(str(ROOT / deployment.entrypoint), use_placeholder_flow=False)
    except (MissingFlowError, ScriptError, OSError, ValueError) as error:
        raise InputError(manifest, f"{deployment.name}.entrypoint", f"{deployment.entrypoint}: {error.__cause__ or error}") from error


def ensure_pool(client: SyncPrefectClient, pool: Pool) -> None:
    """The pool exists afterwards, as it was if it did before: workers may have made it, and people may have set limits."""
    try:
        client.create_work_pool(WorkPoolCreate(name=pool.value, type="process"))
    except ObjectAlreadyExists:
        return


def put(client: SyncPrefectClient, deployment: Deployment, flow: Flow[..., object], pull: list[dict[str, object]]) -> UUID:
    """Create or replace one deployment."""
    switched = active_by_slug(client, f"{flow.name}/{deployment.name}")
    return client.create_deployment(
        flow_id=client.create_flow_from_name(flow.name),
        name=deployment.name,
        description=deployment.description,
        entrypoint=deployment.entrypoint,
        tags=list(deployment.tags),
        work_pool_name=deployment.work_pool.name.value,
        job_variables=deployment.work_pool.job_variables.model_dump(),
        concurrency_limit=deployment.concurrency_limit.limit,
        concurrency_options=ConcurrencyOptions(collision_strategy=deployment.concurrency_limit.collision_strategy),
        schedules=[
            DeploymentScheduleCreate(slug=each.slug, schedule=each.timing, active=switched.get(each.slug, each.active))
            for each in deployment.schedules
        ],
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        pull_steps=pull,
    )


def active_by_slug(client: SyncPrefectClient, full_name: str) -> dict[str, bool]:
    """Which schedules of that deployment are switched on now; empty when it does not exist yet."""
    try:
        present = client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return {}
    return {schedule.slug: schedule.active for schedule in present.schedules if schedule.slug is not None}
