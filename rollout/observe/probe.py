"""Asking agents themselves over HTTP: /health and /metrics. An answer is one witness, never the only one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

import httpx

from rollout.limit import InTimeTransport
from rollout.observe.answers import Health, Metrics, Reply
from rollout.observe.exposition import read_exposition

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Prober:
    """A small pool of clients over a whole fleet. timeout: seconds for one whole answer; width: requests side by side."""

    def __init__(self, timeout: float, width: int = 8, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(timeout=timeout, trust_env=False, transport=transport or InTimeTransport(timeout))
        self._width = width

    def health(self, base: str) -> Health:
        """What http://ADDRESS:PORT/health answers; every kind of bad answer is a value, not an exception."""
        try:
            response = self._client.get(f"{base}/health")
            content = response.json()
            features, startup = content.get("features", {}), content.get("startup_seconds")
            version, took = str(content.get("version", "")), None if startup is None else float(startup)
            return Health(response.status_code, int(content["pid"]), float(content["started"]), version, features, startup=took)
        except httpx.HTTPError as error:
            return Health(0, reason=_said(error))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return Health(response.status_code, reason=f"not the health answer that was agreed: {error!r}")

    def metrics(self, base: str) -> Metrics:
        """What http://ADDRESS:PORT/metrics answers, parsed when there is something."""
        try:
            response = self._client.get(f"{base}/metrics")
        except httpx.HTTPError as error:
            return Metrics(0, reason=_said(error))
        seconds = response.elapsed.total_seconds()
        if response.status_code != HTTPStatus.OK:
            return Metrics(response.status_code, seconds=seconds)
        return Metrics(response.status_code, read_exposition(response.text), seconds)

    def work(self, url: str) -> Reply:
        """What a request to an agent's work port answers, whatever it is."""
        try:
            response = self._client.get(url)
        except httpx.HTTPError as error:
            return Reply(0, reason=_said(error))
        return Reply(response.status_code, response.content, response.elapsed.total_seconds())

    def ask_all(self, ask: Callable[[Key], Answer], keys: Sequence[Key]) -> list[Answer]:
        """The answers in the order of the keys, asked side by side."""
        with ThreadPoolExecutor(self._width) as pool:
            return list(pool.map(ask, keys))

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()


def _said(error: httpx.HTTPError) -> str:
    """The error's own words, or its kind when it has none (timeouts)."""
    return str(error) or type(error).__name__
