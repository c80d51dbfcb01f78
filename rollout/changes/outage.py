"""A drill's outage: a hub is killed and kept down, and started again on the way back. A change like any other, so that whoever settles ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollout.change import BeforeEach, Reading, Snapshot
from rollout.clock import Deadline
from rollout.fleet import Agent
from rollout.hub import Hub, HubPair

RUNS = "runs"


@dataclass(frozen=True)
class HubOutage:
    """The subjects are the hubs' agents, as of every change of a hub."""

    name: str
    pair: HubPair

    def snapshot(self, agents: Sequence[Agent]) -> list[Snapshot]:
        """The hub's process."""
        taken = []
        for agent in agents:
            hub = self.pair.by_agent[agent.id]
            service = hub.machine.services.services()[hub.service.program]
            taken.append(
                Snapshot(agent.id, {RUNS: "true" if service.runs else None}, "", service.pid, hub.machine.transport.started(service.pid) or 0.0)
            )
        return taken

    def describe(self, snapshot: Snapshot) -> str:
        """What becomes of the hub."""
        return f"hub {self.pair.by_agent[snapshot.agent].name} is killed for a while"

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """Kill them."""
        for agent in agents:
            before_each()
            hub = self.pair.by_agent[agent.id]
            hub.machine.services.kill(hub.service.program, deadline)

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """Start those that ran."""
        for snapshot in snapshots:
            before_each()
            hub = self.pair.by_agent[snapshot.agent]
            if snapshot.settings[RUNS]:
                hub.machine.services.start(hub.service.program, deadline)

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """Nobody listens where the hub was, and its supervisor does not run it."""
        del since
        return [Reading(agent.id, ("it still runs",) if self._up(self.pair.by_agent[agent.id]) else ()) for agent in agents]

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """A hub that ran runs and is ready."""
        readings = []
        for snapshot in snapshots:
            hub = self.pair.by_agent[snapshot.agent]
            back = not snapshot.settings[RUNS] or (self._up(hub) and hub.client.ready())
            readings.append(Reading(snapshot.agent, () if back else (f"hub {hub.name} is not ready",)))
        return readings

    def _up(self, hub: Hub) -> bool:
        service = hub.machine.services.services().get(hub.service.program)
        return (service is not None and service.runs) or hub.access.port in hub.machine.transport.holders([hub.access.port], [])
