"""Days as runs of their own deployments, seen from a week: each keeps its own id, which is its ledger's key, and its own retry, hold and cancel."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

from rollout.errors import Refused


class DayState(Enum):
    """How a day's run stands."""

    WORKING = "working"
    SUSPENDED = "suspended"
    OVER = "over"


class DayRuns(Protocol):
    """Where a week starts its days and looks after them."""

    def start(self, deployment: str, parameters: Mapping[str, object], key: str) -> str:
        """The id of a new run; the same key never starts a second one. Raises Refused where there is no such deployment."""

    def state(self, run: str) -> DayState:
        """How that run stands now."""


class PrefectDayRuns:
    """On the server that runs the week itself."""

    def start(self, deployment: str, parameters: Mapping[str, object], key: str) -> str:
        """The id of a new run. Raises Refused where there is no such deployment."""
        with _client() as client:
            found = client.read_deployments(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[deployment])))
            if len(found) != 1:
                have = f"the Prefect server has {len(found)} deployments named {deployment}, not one"
                raise Refused(f"{have}; `rollout deploy` brings those of prefect.yaml")
            run = client.create_flow_run_from_deployment(found[0].id, parameters={"parameters": dict(parameters)}, idempotency_key=key)
        return str(run.id)

    def state(self, run: str) -> DayState:
        """How that run stands now; while the server does not answer nothing is known to have ended, and the next look asks again."""
        try:
            with _client() as client:
                state = client.read_flow_run(UUID(run)).state
        except httpx.HTTPError:
            return DayState.WORKING
        if state is not None and state.is_paused():
            return DayState.SUSPENDED
        return DayState.OVER if state is not None and state.is_final() else DayState.WORKING


def _client() -> SyncPrefectClient:
    return get_client(sync_client=True)
