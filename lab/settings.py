"""What an agent's environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; `port` is None for an agent that leaves it to the hub."""

    machine: str
    name: str
    address: str
    port: int | None
    health_port: int
    calls: tuple[tuple[str, int], ...]
    role: str
    metrics: bool
    lazy_loading: bool
    faults: Path

    @classmethod
    def from_environment(cls) -> Settings:
        """Reads AGENT_*, LAB_FAULTS, ENABLE_PROMETHEUS_METRICS and LAZY_IMPORTS; KeyError when one that is needed is missing."""
        env = os.environ
        pairs = [call.rsplit(":", 1) for call in env.get("AGENT_CALLS", "").split()]
        return cls(
            machine=env["AGENT_MACHINE"],
            name=env["AGENT_NAME"],
            address=env["AGENT_ADDRESS"],
            port=int(env["AGENT_PORT"]) if "AGENT_PORT" in env else None,
            health_port=int(env["AGENT_HEALTH_PORT"]),
            calls=tuple((address, int(port)) for address, port in pairs),
            role=env["AGENT_ROLE"],
            metrics=env.get("ENABLE_PROMETHEUS_METRICS", "") == "true",
            lazy_loading=env.get("LAZY_IMPORTS", "") == "true",
            faults=Path(env["LAB_FAULTS"]),
        )
