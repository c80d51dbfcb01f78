"""Which agents a hub scrapes: a file_sd file, replaced at once and read back from the running hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx

from rollout.errors import ActFault, SourceFault
from rollout.fleet import Agent
from rollout.transports.port import Transport

JOB = "agents"


class Targets(Protocol):
    """Whom the hubs of a site scrape for the agents' own metrics."""

    def add(self, agents: Sequence[Agent]) -> None:
        """Have these scraped from now on, besides those that are."""

    def remove(self, agents: Iterable[str]) -> None:
        """Have these scraped no more."""

    def written(self) -> frozenset[str]:
        """The identities that are to be scraped. Raises ActFault where that cannot be read."""

    def active(self) -> Mapping[str, bool]:
        """What the running hubs say they scrape: identity to "its last scrape succeeded". Raises SourceFault."""


class HubTargets:
    """The agents' scrape targets of one hub. folder: its file_sd folder on its machine; addresses: of the machines by name."""

    def __init__(self, url: str, folder: Path, transport: Transport, addresses: Mapping[str, str], client: httpx.Client) -> None:
        self._url = url
        self._file = folder / "agents.json"
        self._transport = transport
        self._addresses = addresses
        self._client = client

    def add(self, agents: Sequence[Agent]) -> None:
        """Have these scraped from now on, besides those that are."""
        added = {agent.id: {"targets": [f"{self._addresses[agent.machine]}:{agent.health_port}"], "labels": agent.labels} for agent in agents}
        self._write(self._written() | added)

    def remove(self, agents: Iterable[str]) -> None:
        """Have these scraped no more."""
        gone = set(agents)
        written = self._written()
        if gone & written.keys():
            self._write({agent: entry for agent, entry in written.items() if agent not in gone})

    def written(self) -> frozenset[str]:
        """The identities that the file names."""
        return frozenset(self._written())

    def active(self) -> Mapping[str, bool]:
        """What the running hub itself says it scrapes: identity to "its last scrape succeeded". Raises SourceFault."""
        try:
            response = self._client.get(f"{self._url}/api/v1/targets", params={"state": "active"}).raise_for_status()
            targets = response.json()["data"]["activeTargets"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise SourceFault(f"hub at {self._url} does not tell its targets: {error!r}") from error
        labels = [(target["labels"], target["health"] == "up") for target in targets if target["labels"].get("job") == JOB]
        return {f"{label['machine']}/{label['agent']}": up for label, up in labels}

    def _written(self) -> dict[str, Any]:
        """Raises ActFault for a file of somebody else's making: one that cannot be understood cannot be edited."""
        try:
            content = json.loads(self._transport.read(self._file))
            return {f"{entry['labels']['machine']}/{entry['labels']['agent']}": entry for entry in content}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ActFault(f"{self._file} holds no targets with the labels machine and agent ({error!r})", ()) from error

    def _write(self, targets: Mapping[str, Any]) -> None:
        entries = [targets[agent] for agent in sorted(targets)]
        self._transport.replace(self._file, json.dumps(entries, indent=1) + "\n")
