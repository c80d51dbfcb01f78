"""A Prefect client for one given API, and how its failures are told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_REQUEST_TIMEOUT, PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.programs import LOGIN
from rollout.clock import Clock, Deadline
from rollout.errors import Refused, RolloutError, Unreachable

Answer = TypeVar("Answer")

ANSWER = 15.0
"""Seconds for one answer; a busy SQLite server needs a few."""
BUSY = 45.0
"""Seconds for which a server may say that it is too busy; SQLite answers 503 while another writer holds the database (docs/decisions/0030)."""


@contextmanager
def client_of(api_url: str) -> Iterator[SyncPrefectClient]:
    """A client of that API; keys, certificates and the like are those of the user's Prefect settings.

    It tries once: Prefect's own retries wait for a minute behind the back of a caller's deadline.
    """
    settings = {PREFECT_API_URL: api_url, PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: ANSWER}
    with temporary_settings(updates=settings), get_client(sync_client=True) as client:
        yield client


def insist(call: Callable[[], Answer], clock: Clock) -> Answer:
    """The answer to a call that may be repeated safely, tried again for BUSY seconds while the server is busy; an absent one fails at once."""
    deadline = Deadline.after(clock, BUSY)
    while True:
        try:
            return call()
        except (httpx.HTTPStatusError, httpx.TimeoutException) as error:
            if deadline.passed or not busy(error):
                raise
        clock.sleep(min(1.0, deadline.remaining))


def busy(error: httpx.HTTPError) -> bool:
    """Whether the same request may succeed later: the server was too slow, or said that it cannot just now."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error or error.response.status_code == httpx.codes.TOO_MANY_REQUESTS
    return isinstance(error, httpx.TimeoutException)


def fault(error: httpx.HTTPError, api_url: str, aim: str) -> RolloutError:
    """What a failed call means for somebody who wanted to do that: Refused when the API says no, Unreachable when it does not get to it."""
    if isinstance(error, httpx.HTTPStatusError):
        if error.response.status_code == httpx.codes.UNAUTHORIZED:
            return Refused(f"{api_url} asks for a login to {aim}: set {LOGIN} to USER:PASSWORD")
        said = detail_of(error.response)
        return Unreachable(f"{api_url} is too busy to {aim}: {said}") if busy(error) else Refused(f"{api_url} refused to {aim}: {said}")
    return Unreachable(f"no Prefect API answers at {api_url} to {aim}: {error}")


def detail_of(response: httpx.Response) -> str:
    """What the API says about a refusal."""
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.text
