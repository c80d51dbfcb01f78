"""What an agent's environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.http_client import Address


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; `port` is None for an agent that leaves it to the hub."""

    machine: str
    name: str
    address: str
    port: int | None
    health_port: int
    calls: tuple[Address, ...]
    depends_on: tuple[str, ...]
    registry: Address | None
    places: Path
    discovery: bool
    role: str
    metrics: bool
    lazy_loading: bool
    faults: Path

    @classmethod
    def from_environment(cls) -> Settings:
        """Reads AGENT_*, LAB_*, ENABLE_PROMETHEUS_METRICS, LAZY_IMPORTS and DISCOVER_DEPENDENCIES; KeyError when one that is needed is missing.

        registry: where names are resolved, None in a fleet that has no registry; places: the file from which that agent resolves them.
        """
        env = os.environ
        registry = _addresses(env.get("AGENT_REGISTRY", ""))
        return cls(
            machine=env["AGENT_MACHINE"],
            name=env["AGENT_NAME"],
            address=env["AGENT_ADDRESS"],
            port=int(env["AGENT_PORT"]) if "AGENT_PORT" in env else None,
            health_port=int(env["AGENT_HEALTH_PORT"]),
            calls=_addresses(env.get("AGENT_CALLS", "")),
            depends_on=tuple(env.get("AGENT_DEPENDS_ON", "").split()),
            registry=registry[0] if registry else None,
            places=Path(env["LAB_PLACES"]),
            discovery=env.get("DISCOVER_DEPENDENCIES", "") == "true" and bool(registry),
            role=env["AGENT_ROLE"],
            metrics=env.get("ENABLE_PROMETHEUS_METRICS", "") == "true",
            lazy_loading=env.get("LAZY_IMPORTS", "") == "true",
            faults=Path(env["LAB_FAULTS"]),
        )


def _addresses(text: str) -> tuple[Address, ...]:
    """HOST:PORT, separated by spaces."""
    pairs = [each.rsplit(":", 1) for each in text.split()]
    return tuple((address, int(port)) for address, port in pairs)
