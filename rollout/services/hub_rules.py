"""The rule files of one hub: replaced at once, reloaded, and read back from the running hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from rollout.errors import SourceFault
from rollout.transports.port import Transport


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule as the hub runs it. stands: seconds of `for:`; health: "ok" when its last evaluation succeeded."""

    name: str
    query: str
    stands: float
    health: str


class HubRules:
    """folder: where the hub looks for *.yaml files of rules on its machine."""

    def __init__(self, hub: str, url: str, folder: Path, transport: Transport, client: httpx.Client) -> None:
        self.hub = hub
        self._url = url
        self._folder = folder
        self._transport = transport
        self._client = client

    def written(self, name: str) -> str:
        """The content of that rule file now; empty where there is none."""
        try:
            return self._transport.read(self._folder / name)
        except FileNotFoundError:
            return ""

    def write(self, files: Mapping[str, str]) -> None:
        """Replace these rule files; an empty one has no rules."""
        for name, text in files.items():
            self._transport.replace(self._folder / name, text)

    def reload(self) -> None:
        """Have the hub read its files again. Raises SourceFault with its reason when it refuses them; it goes on with the old ones then."""
        self._ask("POST", "/-/reload")

    def loaded(self) -> tuple[LoadedRule, ...]:
        """Every rule that the hub runs now. Raises SourceFault."""
        try:
            groups = self._ask("GET", "/api/v1/rules").json()["data"]["groups"]
            return tuple(LoadedRule(r["name"], r["query"], float(r.get("duration", 0)), r["health"]) for group in groups for r in group["rules"])
        except (ValueError, KeyError) as error:
            raise SourceFault(f"hub {self.hub} does not tell its rules: {error!r}") from error

    def alertmanagers(self) -> tuple[str, ...]:
        """Where the hub sends its alerts. Raises SourceFault."""
        try:
            return tuple(each["url"] for each in self._ask("GET", "/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"])
        except (ValueError, KeyError) as error:
            raise SourceFault(f"hub {self.hub} does not tell its alert managers: {error!r}") from error

    def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            response = self._client.request(method, f"{self._url}{path}")
        except httpx.HTTPError as error:
            raise SourceFault(f"hub {self.hub} does not answer: {error!r}") from error
        if not response.is_success:
            raise SourceFault(f"hub {self.hub} answers {path} with {response.status_code}: {response.text.strip()[:200]}")
        return response
