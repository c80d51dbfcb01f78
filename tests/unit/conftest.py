"""A fleet in memory under one executor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from rollout.executor import Executor, Limits
from rollout.fleet import Agent
from rollout.ledger import Ledger
from rollout.ownership import Ownership
from tests.fakes.change import MemoryChange
from tests.fakes.clock import JumpingClock


@dataclass
class World:
    """Twelve agents on two machines, nothing changed yet, one run that owns them."""

    clock: JumpingClock
    agents: tuple[Agent, ...]
    change: MemoryChange
    folder: Path

    def ledger(self) -> Ledger:
        """The ledger as it is on disk now."""
        return Ledger(self.folder / "runs" / "run-1" / "ledger.jsonl", self.clock)

    def ownership(self) -> Ownership:
        """A claim of its own on the fleet."""
        return Ownership(self.folder / "fleets", "memory", self.clock)

    def executor(self, **limits: float) -> Executor:
        """A fresh process's executor over what is on disk."""
        ownership = self.ownership()
        ownership.claim("run-1", self.folder / "runs")
        chosen = {"act": 30.0, "verify": 10.0, "rollback": 120.0, "rollback_size": 4} | limits
        return Executor(self.change, self.ledger(), ownership, Limits(**chosen), self.clock)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fleet of its own for each test."""
    clock = JumpingClock()
    agents = tuple(Agent("east" if index < 8 else "west", "group", f"Agent{index}", 7000 + index, 8000 + index) for index in range(12))
    change = MemoryChange(agents, clock, tmp_path / "runs" / "run-1" / "ledger.jsonl")
    return World(clock, agents, change, tmp_path)
