"""A change on agents in memory, with the ways in which real ones fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from supervisor.xmlrpc import Faults

from rollout.change import BeforeEach, Reading, Snapshot
from rollout.clock import Deadline
from rollout.errors import ActFault, Unreachable
from rollout.fleet import Agent
from rollout.ledger import Ledger, Step
from rollout.services.supervisor_rpc import Fault
from tests.fakes.clock import JumpingClock


class MemoryChange:
    """Sets a flag on agents that are kept in a dict; counts every act and checks that the ledger was written before it."""

    name = "memory"

    def __init__(self, agents: Sequence[Agent], clock: JumpingClock, ledger_file: Path) -> None:
        self.flags: dict[str, str | None] = {agent.id: None for agent in agents}
        self.pids = {agent.id: 100 + index for index, agent in enumerate(agents)}
        self.acts: list[tuple[str, str]] = []
        self.lying: set[str] = set()  # accepts the flag, shows no effect
        self.refusing: set[str] = set()  # the act itself is refused
        self.stuck: set[str] = set()  # cannot be restored
        self.broken: set[str] = set()  # takes every flag and is never well with any
        self.edited: set[str] = set()  # restored, but no longer what it was, whatever one does
        self.unreachable_machines: set[str] = set()
        self.faulty_machines: set[str] = set()  # their supervisor refuses an act in a way that nobody expects
        self.unwritten_acts: list[str] = []  # acts that the ledger on disk did not announce
        self._clock = clock
        self._ledger_file = ledger_file

    def snapshot(self, agents: Sequence[Agent]) -> list[Snapshot]:
        """As Change has it."""
        self._reach(agent.id for agent in agents)
        return [Snapshot(agent.id, {"FLAG": self.flags[agent.id]}, f"print-{self.flags[agent.id]}", self.pids[agent.id], 0.0) for agent in agents]

    def describe(self, snapshot: Snapshot) -> str:
        """The flag before and after."""
        return f"FLAG {snapshot.settings['FLAG']} -> true"

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """Sets the flag; agents that refuse come out in one ActFault, after all others are done."""
        del deadline
        self._reach(agent.id for agent in agents)
        for agent in agents:
            before_each()
            self._act(agent.id, "true", Step.INTENDED)
        if refused := [agent.id for agent in agents if agent.id in self.refusing]:
            raise ActFault("spawn error", refused)

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """Sets the flags back, except those of stuck agents, silently: the read-back has to find them."""
        self._reach(snapshot.agent for snapshot in snapshots)
        if faulty := [snapshot.agent for snapshot in snapshots if snapshot.agent.partition("/")[0] in self.faulty_machines]:
            raise Fault(Faults.ABNORMAL_TERMINATION, ", ".join(faulty))
        if deadline.passed:
            return
        for snapshot in snapshots:
            before_each()
            if snapshot.agent not in self.stuck:
                self._act(snapshot.agent, snapshot.settings["FLAG"], Step.REVERTING)

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """What is seen of agents that should have the flag."""
        del since
        self._reach(agent.id for agent in agents)
        return [self._reading(agent.id, "true", lies=agent.id in self.lying) for agent in agents]

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """What is seen of agents that should be as their snapshots."""
        self._reach(snapshot.agent for snapshot in snapshots)
        readings = [self._reading(snapshot.agent, snapshot.settings["FLAG"], lies=False) for snapshot in snapshots]
        return [Reading(reading.agent, ("edited",), lasting=True) if reading.agent in self.edited else reading for reading in readings]

    def _reading(self, agent: str, wanted: str | None, *, lies: bool) -> Reading:
        if lies:
            return Reading(agent, ("/metrics answers 404",))
        if agent in self.broken:
            return Reading(agent, ("its process is FATAL",))
        actual = self.flags[agent]
        return Reading(agent, () if actual == wanted else (f"FLAG is {actual}, not {wanted}",))

    def _act(self, agent: str, value: str | None, announced_as: Step) -> None:
        if Ledger(self._ledger_file, self._clock).last_steps().get(agent) is not announced_as:
            self.unwritten_acts.append(agent)
        self.acts.append((agent, value or "absent"))
        self.pids[agent] += 1000
        if agent not in self.refusing:
            self.flags[agent] = value

    def _reach(self, agents: object) -> None:
        for agent in agents:  # type: ignore[attr-defined]
            if agent.partition("/")[0] in self.unreachable_machines:
                raise Unreachable(f"supervisord of {agent.partition('/')[0]} does not answer")
