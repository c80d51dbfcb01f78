"""A configuration flag: environment keys of the plan's own, read back in the process and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from rollout.changes.environment import EnvironmentChange
from rollout.errors import Refused


@dataclass(frozen=True)
class Flag(EnvironmentChange):
    """Sets the keys that the plan's day names. What the flag does inside an agent is the agent's affair: its health and the impact gates tell."""

    def __post_init__(self) -> None:
        """A flag that sets nothing would restart a fleet for nothing."""
        if not self.settings:
            raise Refused("a flag needs the environment that it sets")
