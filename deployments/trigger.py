"""Starts a run of a deployment, as a person would in the UI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.responses import DeploymentResponse

from deployments.api import client_of, detail_of, fault, insist
from rollout.clock import Clock, SystemClock
from rollout.errors import InputError, Refused

REJECTED = re.compile(r"Validation failed(?: for field '(?P<field>[^']*)')?\. Failure reason: (?P<reason>.*)", re.DOTALL)
"""How the API words parameters that do not fit the deployment's schema."""


def trigger(deployment: str, parameters: Mapping[str, object], api_url: str, clock: Clock | None = None) -> str:
    """Start a run of that deployment (its name in prefect.yaml) and return the run's id at once; `watch` follows it.

    Raises InputError (the parameters do not fit: which field and why), Refused (no such deployment, or the API says no) and Unreachable.
    """
    clock = clock or SystemClock()
    # One key for all attempts: a start that was repeated because its answer got lost starts nothing twice.
    key = str(uuid4())
    try:
        with client_of(api_url) as client:
            chosen = insist(lambda: found(client, deployment), clock)
            run = insist(lambda: client.create_flow_run_from_deployment(chosen.id, parameters=dict(parameters), idempotency_key=key), clock)
    except httpx.HTTPError as error:
        said = detail_of(error.response) if isinstance(error, httpx.HTTPStatusError) else ""
        if rejected := REJECTED.search(said):
            raise InputError(f"parameters of {deployment}", rejected["field"] or "", rejected["reason"]) from error
        raise fault(error, api_url, f"start {deployment}") from error
    return str(run.id)


def found(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    """The one deployment of that name."""
    candidates = client.read_deployments(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name])))
    if not candidates:
        raise Refused(f"the Prefect server knows no deployment {name}; `rollout deploy` brings those of prefect.yaml")
    if len(candidates) > 1:
        raise Refused(f"the Prefect server has {len(candidates)} deployments named {name}; delete those that are not ours")
    return candidates[0]
