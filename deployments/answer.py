"""Answers a run that is suspended for a person, as the form in the UI does."""

from __future__ import annotations

from uuid import UUID

import httpx
from prefect.client.schemas.responses import SetStateStatus

from deployments.api import client_of, fault, insist
from rollout.audit import Answer
from rollout.clock import Clock, SystemClock
from rollout.errors import Refused


def answer(run: str, decision: Answer, name: str, reason: str, api_url: str, clock: Clock | None = None) -> None:
    """Give the answer; the run goes on within seconds. Raises Refused when the run is not suspended or asks nothing, Unreachable without a server."""
    clock = clock or SystemClock()
    given = {"decision": decision.value, "name": name, "reason": reason}
    try:
        with client_of(api_url) as client:
            state = insist(lambda: client.read_flow_run(UUID(run)), clock).state
            if state is not None and state.is_paused() and state.state_details.run_input_keyset is None:
                raise Refused(f"run {run} was suspended without a question: Resume in the UI lets it go on, `rollout settle {run}` brings it back")
            said = insist(lambda: client.resume_flow_run(UUID(run), run_input=given), clock)
    except httpx.HTTPError as error:
        raise fault(error, api_url, f"answer run {run}") from error
    if said.status is not SetStateStatus.ACCEPT:
        raise Refused(f"run {run} did not take the answer: {getattr(said.details, 'reason', None) or said.status.value}")
