"""Looks at the fleet every few seconds and writes into the incident file what follows (rollout/incident.py decides)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rollout.alert import Alert, AlertLevel, Situation, alert_of
from rollout.clock import Clock
from rollout.errors import SourceFault
from rollout.fleet import Fleet
from rollout.incident import IncidentFile, Seen, next_step
from rollout.observe.frame import by_agent
from rollout.observe.prometheus import Sources
from rollout.observe.run_view import degradations, planned_restarts
from rollout.observe.situation import fresh_sources
from rollout.observe.state_folder import State, StateFolder
from rollout.plan import Plan
from rollout.rollbacks import last_rollback

PROBES = "max by (machine, agent) (probe_success)"
BAD = (AlertLevel.ORANGE, AlertLevel.RED)


def probed_situation(fleet: Fleet, sources: Sources, state: State, now: float, within: float) -> Situation:
    """The fleet as the metrics sources have it: every agent by its probe; what is not seen is not well. Never raises.

    within: seconds of a planned restart, in which an agent's absence is none.
    """
    agents: dict[str, bool | None] = {agent.id: None for agent in fleet.agents}
    fresh = fresh_sources(sources)
    if any(fresh.values()):
        try:
            probes = by_agent(sources.now(PROBES), "probe")
            agents |= {identity: bool(probes[identity] == 1) for identity in agents if identity in probes.index}
        except SourceFault:
            fresh = dict.fromkeys(fresh, False)
    if state.ledger is not None:
        agents |= dict.fromkeys(planned_restarts(state.ledger, now, within), True)
    return Situation(agents, fresh, degradations(state))


@dataclass(frozen=True, slots=True)
class Look:
    """What the last look saw; since: Unix seconds since when its level stands, ORANGE and RED being one."""

    situation: Situation
    alert: Alert
    since: float


class IncidentKeeper:
    """Keeps the incident file of one state folder. see: the situation in a given state at that Unix time."""

    def __init__(self, folder: StateFolder, incidents: IncidentFile, see: Callable[[State, float], Situation], plan: Plan, clock: Clock) -> None:
        self._folder = folder
        self._incidents = incidents
        self._see = see
        self._plan = plan
        self._clock = clock
        self.latest: Look | None = None

    def look(self) -> None:
        """One look; appends at most one entry. Raises InputError when the incident file itself cannot be read, OSError when it cannot be written."""
        state, now = self._folder.read(), self._clock.now()
        situation = self._see(state, now)
        alert = alert_of(situation, self._plan.system_wide)
        stands = self.latest is not None and _kind(self.latest.alert.level) is _kind(alert.level)
        self.latest = Look(situation, alert, self.latest.since if self.latest is not None and stands else now)
        rollback = last_rollback(state.ledger) if state.ledger is not None else None
        run = state.claim.run if state.claim is not None else ""
        seen = Seen(now, alert, self.latest.since, run, rollback)
        if entry := next_step(self._incidents.last(), seen, self._plan.alerting):
            self._incidents.append(entry)


def _kind(level: AlertLevel) -> AlertLevel:
    """ORANGE and RED are one trouble: a level that wavers between them does not start anew."""
    return AlertLevel.ORANGE if level in BAD else level
