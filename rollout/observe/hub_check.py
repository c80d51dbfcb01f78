"""Whether a hub scrapes: its readiness within a hard limit, and the targets that it was seen to scrape."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from rollout.errors import SourceFault
from rollout.failover import Answer
from rollout.services.takeover import Target

WORKERS = 8
"""Calls that may hang at a time. httpx limits each read and not the whole call: one that trickles outlives its check. Calls beyond these fail."""
PROOF_SECONDS = 5.0
"""For the peer's list of targets. It is long, and asked only while its targets are taken over, when a late check loses nothing."""
FRESH = 2
"""Scrape intervals within which a target must have been scraped to count as scraped now (ours: one may just be due)."""
FRESH_SECONDS = 2
"""Added to them: the answer's Date has whole seconds, and a scrape takes its time."""
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def ready(client: httpx.Client, url: str) -> Answer:
    """One question to /-/ready (prometheus.io, management API): 200 when it serves and scrapes, 503 while it replays its log."""
    try:
        status = client.get(f"{url}/-/ready").status_code
    except httpx.HTTPError:
        return Answer.FAILED
    if status == httpx.codes.OK:
        return Answer.READY
    return Answer.FAILED if status >= httpx.codes.INTERNAL_SERVER_ERROR else Answer.REFUSED


class HubCheck:
    """The own hub and the peer, asked at once. timeout: seconds after which one that has not answered has failed."""

    def __init__(self, hub: str, peer: str, client: httpx.Client, timeout: float) -> None:
        self._urls = (hub, peer)
        self._client = client
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="hub-check")

    def answers(self) -> tuple[Answer, Answer]:
        """What the own hub and the peer say, within the timeout together."""
        calls = [self._pool.submit(ready, self._client, url) for url in self._urls]
        wait(calls, timeout=self._timeout)
        hub, peer = (_outcome(call) for call in calls)
        return hub, peer

    def unproven(self, wanted: Iterable[Target]) -> int:
        """How many of these the peer does not scrape now, by its own clock. Raises SourceFault when it does not tell."""
        try:
            response = self._client.get(f"{self._urls[1]}/api/v1/targets", params={"state": "active"}, timeout=PROOF_SECONDS).raise_for_status()
            scraped = _scraped(response.json()["data"]["activeTargets"], parsedate_to_datetime(response.headers["Date"]))
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SourceFault(f"peer at {self._urls[1]} does not tell its targets: {error!r}") from error
        return sum(not any(found >= set(target.labels) for found in scraped[target.job, target.address]) for target in wanted)


def _outcome(call: Future[Answer]) -> Answer:
    """What the call brought; one that still hangs or waits for a free worker has failed."""
    call.cancel()
    return call.result() if call.done() and not call.cancelled() else Answer.FAILED


def _scraped(active: list[dict[str, Any]], now: datetime) -> dict[tuple[str, str], list[set[tuple[str, str]]]]:
    """Labels before and after relabelling of what was scraped lately, well or badly, by job and address. now: on the hub's clock, not on ours.

    Both, since neither is whole: Prometheus 2.42 lets a label that relabelling adds overwrite one that sorts after it among those before, and those
    after lack what begins with two underscores.
    """
    found = defaultdict(list)
    for target in active:
        age = (now - datetime.fromisoformat(target["lastScrape"])).total_seconds()
        if age <= FRESH * _seconds(target["scrapeInterval"]) + FRESH_SECONDS:
            labels = target["discoveredLabels"]
            found[target["scrapePool"], labels["__address__"]].append({*labels.items(), *target["labels"].items()})
    return found


def _seconds(duration: str) -> float:
    """A duration as Prometheus writes it, such as 1m30s or 500ms."""
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", duration))
