"""Alertmanager's API v2 (github.com/prometheus/alertmanager, api/v2/openapi.yaml): who is told what, and what is kept quiet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

from rollout.errors import SourceFault


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that fires now. began: Unix seconds; silenced: whether a silence keeps it quiet; receivers: who is told otherwise."""

    name: str
    labels: Mapping[str, str]
    began: float
    silenced: bool
    receivers: tuple[str, ...]

    def __str__(self) -> str:
        """Its name with what it is about."""
        about = ", ".join(f"{key} {self.labels[key]}" for key in ("machine", "agent", "level", "incident") if key in self.labels)
        return f"{self.name} ({about})" if about else self.name


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; regex: anchored at both ends, as Alertmanager has it."""

    label: str
    value: str
    regex: bool = False


class Alerts(Protocol):
    """What the house needs of an alert manager. Every method raises SourceFault when it does not answer."""

    def firing(self) -> tuple[FiringAlert, ...]:
        """Every alert that fires now, silenced ones included."""

    def silence(self, matchers: Sequence[Matcher], begins: float, ends: float, name: str, reason: str) -> str:
        """Keep what matches all conditions quiet until `ends` (Unix seconds), in that person's name; returns the silence's id."""

    def end_silence(self, identity: str) -> None:
        """End it now; one that is over already is no fault."""


class Alertmanager:
    """One Alertmanager."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self._client = client

    def firing(self) -> tuple[FiringAlert, ...]:
        """As the port has it."""
        return tuple(
            FiringAlert(
                alert["labels"]["alertname"],
                {key: value for key, value in alert["labels"].items() if key != "alertname"},
                datetime.fromisoformat(alert["startsAt"]).timestamp(),
                alert["status"]["state"] == "suppressed",
                tuple(receiver["name"] for receiver in alert["receivers"]),
            )
            for alert in self._ask("GET", "/api/v2/alerts")
        )

    def silence(self, matchers: Sequence[Matcher], begins: float, ends: float, name: str, reason: str) -> str:
        """As the port has it."""
        body = {
            "matchers": [{"name": each.label, "value": each.value, "isRegex": each.regex, "isEqual": True} for each in matchers],
            "startsAt": _written(begins),
            "endsAt": _written(ends),
            "createdBy": name,
            "comment": reason,
        }
        return str(self._ask("POST", "/api/v2/silences", body)["silenceID"])

    def end_silence(self, identity: str) -> None:
        """As the port has it."""
        if any(each["id"] == identity and each["status"]["state"] != "expired" for each in self._ask("GET", "/api/v2/silences")):
            self._ask("DELETE", f"/api/v2/silence/{identity}")

    def configuration(self) -> str:
        """The configuration that it runs, as YAML, with its secrets masked."""
        return str(self._ask("GET", "/api/v2/status")["config"]["original"])

    def reload(self) -> None:
        """Have it read its file again. Raises SourceFault with its reason when it refuses the file."""
        self._answer("POST", "/-/reload")

    def notifications(self) -> dict[str, tuple[float, float]]:
        """Integration to (sent, failed) since its start, as it counts them itself."""
        sent: dict[str, float] = {}
        failed: dict[str, float] = {}
        for line in self._answer("GET", "/metrics").text.splitlines():
            for name, counts in (("alertmanager_notifications_total{", sent), ("alertmanager_notifications_failed_total{", failed)):
                if line.startswith(name):
                    counts[line.split('integration="')[1].partition('"')[0]] = float(line.rpartition(" ")[2])
        return {integration: (count, failed.get(integration, 0.0)) for integration, count in sent.items()}

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (decoded JSON)
        response = self._answer(method, path, body)
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise SourceFault(f"Alertmanager at {self.url} answers {path} with something else than JSON") from error

    def _answer(self, method: str, path: str, body: object = None) -> httpx.Response:
        try:
            response = self._client.request(method, f"{self.url}{path}", json=body)
        except httpx.HTTPError as error:
            raise SourceFault(f"Alertmanager at {self.url} does not answer: {error!r}") from error
        if not response.is_success:
            raise SourceFault(f"Alertmanager at {self.url} answers {path} with {response.status_code}: {response.text.strip()[:200]}")
        return response


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
