"""A change of environment variables: configure, re-read, restart just these programs, read the effect back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollout.change import BeforeEach, Reading, Snapshot
from rollout.clock import Deadline
from rollout.errors import ActFault, Drift, Unreachable
from rollout.fleet import Agent, Fleet
from rollout.machine import Machine, side_by_side
from rollout.observe.witness import Witness, by_machine, witness_all

if TYPE_CHECKING:
    from rollout.observe.probe import Prober

START_TOLERANCE = 0.05
"""Seconds: /proc counts starts in ticks of 10 ms."""

EDITED = "its configuration on disk is not what it was"


@dataclass(frozen=True)
class EnvironmentChange:
    """Sets environment keys of supervised agents. settings: the wanted values; the base of every change that is a flag."""

    name: str
    fleet: Fleet
    machines: Mapping[str, Machine]
    prober: Prober
    settings: Mapping[str, str]

    def snapshot(self, agents: Sequence[Agent]) -> list[Snapshot]:
        """Our keys as configured, a fingerprint of the rest, and the process as it runs."""
        return snapshot_settings(self.machines, agents, self.settings)

    def describe(self, snapshot: Snapshot) -> str:
        """Each key with its present and its wanted value."""
        return describe_settings(snapshot, self.settings)

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """Configure and restart the agents, machines side by side. Raises Drift where somebody else's edit waits beside them."""
        self._act({agent.id: self.settings for agent in agents}, deadline, before_each, alone=True)

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """Configure the prior values and restart; an edit of somebody else's that waits beside them goes on waiting and keeps nobody."""
        self._act({snapshot.agent: snapshot.settings for snapshot in snapshots}, deadline, before_each, alone=False)

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """Healthy, started after the act, and with the wanted environment in the process itself."""
        seen = witness_all(self.machines, agents, self.prober)
        return [Reading(each.agent.id, tuple(self.objections(each, since)), self.row(each, since)) for each in seen]

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """Healthy, with the prior environment in the process itself and the prior configuration on disk."""
        prior = {snapshot.agent: snapshot for snapshot in snapshots}
        seen = witness_all(self.machines, [self.fleet.agent(agent) for agent in prior], self.prober)
        readings = [Reading(each.agent.id, tuple(self.remains(each, prior[each.agent.id]))) for each in seen]
        # with the flag as it was, what else is configured was edited by somebody: no restart of ours changes that
        return [replace(reading, lasting=reading.disagreements == (EDITED,)) for reading in readings]

    def objections(self, seen: Witness, since: float) -> Iterator[str]:
        """Why the change is not in effect on this agent."""
        yield from seen.complaints()
        if seen.started is not None and seen.started < since - START_TOLERANCE:
            yield "the process is older than the change"
        yield from environment_objections(seen, self.settings)

    def remains(self, seen: Witness, prior: Snapshot) -> Iterator[str]:
        """Why this agent is not as it was before."""
        yield from seen.complaints()
        yield from environment_objections(seen, prior.settings)
        try:
            yield from _configuration_objections(self.machines[seen.agent.machine], seen.agent.name, prior)
        except ActFault as fault:
            yield f"its configuration on disk cannot be read: {fault.reason}"

    def row(self, seen: Witness, since: float) -> dict[str, str | float | bool | None]:
        """The same observations as one row of the activation frame."""
        return {
            "agent": seen.agent.id,
            "running": seen.running,
            "pid_matches_port": seen.owns_ports,
            "started_after_act": seen.started is not None and seen.started >= since - START_TOLERANCE,
            "environment_matches": not list(environment_objections(seen, self.settings)),
            "health_status": seen.health.status,
            "health_pid_matches": seen.health.pid == seen.service.pid,
        }

    def _act(self, settings: Mapping[str, Mapping[str, str | None]], deadline: Deadline, before_each: BeforeEach, *, alone: bool) -> None:
        groups = by_machine([self.fleet.agent(agent) for agent in settings])
        with ThreadPoolExecutor(len(groups)) as pool:
            acts = {
                name: pool.submit(self._act_on, self.machines[name], group, settings, deadline, before_each, alone=alone)
                for name, group in groups.items()
            }
        refused: dict[str, str] = {}
        for name, act in acts.items():
            try:
                refused |= act.result()
            except (Unreachable, ActFault) as error:
                refused |= {agent.id: str(error) for agent in groups[name]}
        if refused:
            raise ActFault("; ".join(sorted(set(refused.values()))), refused)

    def _act_on(
        self,
        machine: Machine,
        agents: Sequence[Agent],
        settings: Mapping[str, Mapping[str, str | None]],
        deadline: Deadline,
        before_each: BeforeEach,
        *,
        alone: bool,
    ) -> dict[str, str]:
        """Configure all, re-read once, then replace side by side those that could be; reasons of the refused by identity.

        alone: whether nothing of somebody else's may wait on that machine.
        """
        before_each()
        reasons: dict[str, str] = {}
        for agent in agents:
            try:
                machine.services.configure(agent.name, settings[agent.id])
            except ActFault as fault:  # one lost file keeps nobody else
                reasons[agent.name] = fault.reason
        names = {agent.name for agent in agents}
        pending = machine.services.pending()
        foreign = (pending.added | pending.changed | pending.removed) - names
        if foreign and alone:
            raise Drift("configuration changed by somebody else", (f"{machine.name}/{name}" for name in foreign))
        reasons |= machine.services.restart(names - reasons.keys(), deadline, before_each)
        return {f"{machine.name}/{name}": reason for name, reason in reasons.items()}


def snapshot_settings(machines: Mapping[str, Machine], agents: Sequence[Agent], keys: Iterable[str]) -> list[Snapshot]:
    """Those keys of the agents as configured, a fingerprint of the rest, and the processes as they run, machines side by side. Raises Unreachable."""
    groups, wanted = by_machine(agents), tuple(keys)
    taken = side_by_side(groups, lambda name: _snapshot_on(machines[name], groups[name], wanted))
    return [snapshot for snapshots in taken.values() for snapshot in snapshots]


def describe_settings(snapshot: Snapshot, settings: Mapping[str, str]) -> str:
    """Each key with its present and its wanted value."""
    return "; ".join(f"{key} {snapshot.settings.get(key) or 'absent'} -> {wanted}" for key, wanted in settings.items())


def _snapshot_on(machine: Machine, agents: Sequence[Agent], keys: Iterable[str]) -> list[Snapshot]:
    snapshots = []
    configured = machine.services.settings(agent.name for agent in agents)
    services = machine.services.services(configured)
    for agent in agents:
        pid = services[agent.name].pid if agent.name in services else 0
        prior = {key: configured[agent.name].get(key) for key in keys}
        snapshots.append(Snapshot(agent.id, prior, machine.services.fingerprint(agent.name), pid, machine.transport.started(pid) or 0.0))
    return snapshots


def is_on(snapshot: Snapshot, flag: str) -> bool:
    """Whether that flag was on in that state."""
    return flag_on(snapshot.settings.get(flag))


def flag_on(value: str | None) -> bool:
    """Whether that is a flag's "on"; the agents read flags without regard to case."""
    return (value or "").lower() == "true"


def _configuration_objections(machine: Machine, name: str, prior: Snapshot) -> Iterator[str]:
    """Keys of ours that are configured otherwise on disk; with those as they were, whether the rest was edited, where that can be proven.

    The process is no witness of it: what it was not restarted for yet takes effect at its next start. Raises ActFault.
    """
    if prior.fingerprint and machine.services.fingerprint(name) == prior.fingerprint:
        return
    configured = machine.services.configured(name)
    ours = [key for key, value in prior.settings.items() if configured.get(key) != value]
    yield from (f"{key} is configured as {configured.get(key) or 'absent'}, not {prior.settings[key] or 'absent'}" for key in ours)
    if prior.fingerprint and not ours:
        yield EDITED


def environment_objections(seen: Witness, settings: Mapping[str, str | None]) -> Iterator[str]:
    """Keys whose value in /proc/PID/environ is not the wanted one (None: absent)."""
    if seen.environment is None:
        yield "its environment cannot be read: there is no process"
        return
    for key, wanted in settings.items():
        if (actual := seen.environment.get(key)) != wanted:
            yield f"{key} is {actual or 'absent'} in the running process, not {wanted or 'absent'}"
