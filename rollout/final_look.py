"""The last look at a run's agents, whatever happened before: what a report says of each is seen, not remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.alert import Situation
from rollout.change import Change
from rollout.errors import RolloutError
from rollout.fleet import Agent
from rollout.ledger import Ledger, Step
from rollout.observe.situation import fresh_sources
from rollout.observe.witness import Witness, by_machine, witness_all
from rollout.report import AgentReport
from rollout.run_ledger import REBUILT
from rollout.site import Site

UNTOUCHED = "untouched"
"""Instead of a step of the ledger, for an agent of which it says nothing."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """agents: one entry each, seen or not; unknowns: what could not be seen, as sentences."""

    agents: tuple[AgentReport, ...]
    unknowns: tuple[str, ...]

    def situation(self, site: Site, degraded: Sequence[str] = ()) -> Situation:
        """The same for an alert level, with the metrics sources beside it. degraded: what became worse and still is."""
        return Situation({agent.agent: agent.verified for agent in self.agents}, fresh_sources(site.sources), tuple(degraded))


def last_look(
    site: Site, changes: Sequence[Change], ledger: Ledger, agents: Sequence[Agent], batches: Mapping[str, int], pids_before: Mapping[str, int]
) -> LastLook:
    """Every agent as the witnesses see it now. batches, pids_before: by identity. Never raises for a machine that does not answer."""
    steps, former, away = ledger.last_steps(), ledger.first_snapshots(), ledger.away_seconds()
    entries: dict[str, AgentReport] = {}
    unknowns = [REBUILT] if ledger.rebuilt else []
    for machine, group in by_machine(agents).items():
        try:
            witnesses = {seen.agent.id: seen for seen in witness_all(site.machines, group, site.prober)}
            wrong = _not_as_recorded(changes, ledger, group)
        except (RolloutError, OSError) as error:
            unknowns.append(f"{len(group)} agents of {machine} could not be seen at the end: {error}")
            witnesses, wrong = {}, {}
        for agent in group:
            step = steps[agent.id].value if agent.id in steps else UNTOUCHED
            place = (agent.id, batches.get(agent.id, 0), step, pids_before.get(agent.id, 0))
            entry = _entry(*place, witnesses.get(agent.id), wrong.get(agent.id, ()))
            if before := former.get(agent.id):
                entry = entry.model_copy(
                    update={
                        "started_before": before.started,
                        "configured_before": before.fingerprint or None,
                        "configured_after": _fingerprint(site, agent),
                        "away_seconds": away.get(agent.id),
                    }
                )
            entries[agent.id] = entry
    return LastLook(tuple(entries[agent.id] for agent in agents), tuple(unknowns))


def _not_as_recorded(changes: Sequence[Change], ledger: Ledger, agents: Sequence[Agent]) -> dict[str, tuple[str, ...]]:
    """Agents that the ledger calls changed and verified, and the witnesses do not (any more)."""
    wrong: dict[str, tuple[str, ...]] = {}
    for change in changes:
        steps = ledger.part(change.name).last_steps()
        applied = [agent for agent in agents if steps.get(agent.id) in (Step.VERIFIED, Step.FOUND)]
        for reading in change.read_applied(applied, 0.0) if applied else []:
            if not reading.verified:
                wrong[reading.agent] = (*wrong.get(reading.agent, ()), *reading.disagreements)
    return wrong


def _fingerprint(site: Site, agent: Agent) -> str | None:
    """The hash of what is configured for it now; None where that cannot be read."""
    try:
        return site.machines[agent.machine].services.fingerprint(agent.name)
    except (RolloutError, OSError):
        return None


def _entry(agent: str, batch: int, step: str, pid_before: int, seen: Witness | None, disagreements: tuple[str, ...]) -> AgentReport:
    if seen is None:
        return AgentReport(agent=agent, batch=batch, step=step, verified=None, state="not seen", pid_before=pid_before, pid_after=0)
    complaints = tuple(dict.fromkeys((*seen.complaints(), *disagreements)))
    state = "; ".join(complaints) or ("healthy, metrics on" if seen.metrics.status == 200 else "healthy, metrics off")
    return AgentReport(
        agent=agent,
        batch=batch,
        step=step,
        verified=not complaints,
        state=state,
        pid_before=pid_before,
        pid_after=seen.service.pid,
        started_after=seen.started,
    )
