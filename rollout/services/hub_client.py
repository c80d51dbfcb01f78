"""What a running hub says of itself over its HTTP API (prometheus.io/docs/prometheus/latest/querying/api and management_api)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from rollout.errors import SourceFault

FILE = "__meta_filepath"
"""Label by which a hub says which target file a target comes from."""


@dataclass(frozen=True, slots=True)
class ScrapedTarget:
    """One target that a hub scrapes. labels: after relabelling; up: whether its last scrape succeeded, None before the first.

    file: the target file that names it, empty where none does.
    """

    job: str
    labels: Mapping[str, str]
    up: bool | None
    file: str

    @property
    def key(self) -> str:
        """The agent's identity, or the machine where the target belongs to no agent; empty for one that is not of the fleet."""
        machine, agent = self.labels.get("machine", ""), self.labels.get("agent", "")
        return f"{machine}/{agent}" if agent else machine


class HubClient:
    """One hub. client: with a limit on every wait and the hub's credentials; stranger: one without credentials. Methods raise SourceFault."""

    def __init__(self, name: str, url: str, client: httpx.Client, stranger: httpx.Client) -> None:
        self.name = name
        self._url = url
        self._client = client
        self._stranger = stranger

    def ready(self) -> bool:
        """Whether it serves and scrapes; never raises."""
        try:
            return self._client.get(f"{self._url}/-/ready").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def protected(self) -> bool:
        """Whether it turns away who has no credentials."""
        return self._answer(self._stranger, "/api/v1/status/flags").status_code == httpx.codes.UNAUTHORIZED

    def flags(self) -> Mapping[str, str]:
        """Its command line."""
        return dict(self._data("/api/v1/status/flags"))

    def configuration(self) -> Mapping[str, Any]:
        """The configuration that it runs, with all defaults; secrets are blanked by the hub itself."""
        return dict(YAML(typ="safe", pure=True).load(self._data("/api/v1/status/config")["yaml"]))

    def targets(self) -> list[ScrapedTarget]:
        """What it scrapes now."""
        health = {"up": True, "down": False}
        try:
            active = self._data("/api/v1/targets?state=active")["activeTargets"]
            return [
                ScrapedTarget(each["labels"]["job"], each["labels"], health.get(each["health"]), each["discoveredLabels"].get(FILE, ""))
                for each in active
            ]
        except (KeyError, TypeError) as error:
            raise SourceFault(f"hub {self.name} does not tell its targets: {error!r}") from error

    def counters(self, names: Iterable[str]) -> dict[str, float]:
        """Sums over the labels of its own counters of these names; one that it does not have is 0."""
        wanted = dict.fromkeys(names, 0.0)
        text = self._answer(self._client, "/metrics").text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in wanted:
                    wanted[sample.name] += sample.value
        return wanted

    def samples(self, selector: str, end: float, seconds: float) -> list[Mapping[str, Any]]:
        """The raw samples of the series in the window that ends at that Unix time: {"metric": labels, "values": [[t, "value"], ...]} each."""
        found: list[Mapping[str, Any]] = self._data("/api/v1/query", {"query": f"{selector}[{seconds:.0f}s]", "time": f"{end:.3f}"})["result"]
        return found

    def value(self, query: str) -> float | None:
        """The only value of an instant query; None where nothing matches."""
        result = self._data("/api/v1/query", {"query": query})["result"]
        return float(result[0]["value"][1]) if result else None

    def now(self) -> float:
        """The hub's own clock, in Unix seconds."""
        return float(self._data("/api/v1/query", {"query": "time()"})["result"][1])

    def reload(self) -> None:
        """Have it read its configuration again."""
        try:
            self._client.post(f"{self._url}/-/reload").raise_for_status()
        except httpx.HTTPError as error:
            raise SourceFault(f"hub {self.name} does not reload its configuration: {error}") from error

    def _data(self, path: str, form: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 (decoded JSON)
        response = self._answer(self._client, path, form)
        try:
            return response.raise_for_status().json()["data"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SourceFault(f"hub {self.name} refuses {path}: {error!r}") from error

    def _answer(self, client: httpx.Client, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            return client.get(f"{self._url}{path}") if form is None else client.post(f"{self._url}{path}", data=dict(form))
        except httpx.HTTPError as error:
            raise SourceFault(f"hub {self.name} does not answer: {error or type(error).__name__}") from error
