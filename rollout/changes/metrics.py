"""Metrics activation: the flag of plan.md line 76, its effect at /metrics, and the hub that scrapes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollout.change import BeforeEach, Reading, Snapshot
from rollout.changes.environment import EnvironmentChange, is_on
from rollout.clock import Deadline
from rollout.errors import ActFault, Unreachable
from rollout.fleet import Agent
from rollout.observe.witness import Witness

if TYPE_CHECKING:
    from rollout.services.hub_targets import Targets

FLAG = "ENABLE_PROMETHEUS_METRICS"
FEATURE = "metrics"
ON, OFF = "on", "off"
STILL_A_TARGET = "it is still among the hub's targets"
NO_TARGET = "it is not among the hub's targets"
UNSEEN_TARGETS = "whether it is among the hub's targets cannot be seen"


@dataclass(frozen=True)
class MetricsActivation(EnvironmentChange):
    """Turns the agents' own metrics on; an activated agent becomes a target of the hub, a deactivated one leaves it."""

    targets: Targets

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """Activate, then let the hub scrape them."""
        super().apply(agents, deadline, before_each)
        try:
            self.targets.add(agents)
        except ActFault as fault:
            raise ActFault(fault.reason, (agent.id for agent in agents)) from fault

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """As for any flag; and the hub has it among its targets, or nobody would ever see what it measures."""
        readings = super().read_applied(agents, since)
        well = {reading.agent for reading in readings if reading.verified}
        try:
            missing, why = (well - self.targets.written() if well else well), NO_TARGET
        except (ActFault, Unreachable):
            missing, why = well, UNSEEN_TARGETS
        return [replace(reading, disagreements=(why,)) if reading.agent in missing else reading for reading in readings]

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """The hub forgets them first, so that it does not report a deliberate absence as an outage.

        A hub that cannot be told keeps nobody from coming back; that they are still its targets, `read_restored` says.
        """
        with suppress(ActFault, Unreachable):
            self.targets.remove(sorted(_added(snapshots)))
        super().restore(snapshots, deadline, before_each)

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """As for any flag; and the hub has forgotten who was no target of its before. One that has not is no reason to restart an agent again."""
        readings = super().read_restored(snapshots)
        back = {reading.agent for reading in readings if reading.verified} & _added(snapshots)
        try:
            left, why = (back & self.targets.written() if back else back), STILL_A_TARGET
        except (ActFault, Unreachable):
            left, why = back, UNSEEN_TARGETS
        return [replace(reading, disagreements=(why,), lasting=True) if reading.agent in left else reading for reading in readings]

    def objections(self, seen: Witness, since: float) -> Iterator[str]:
        """As for any flag; and /metrics answers whole, and /health admits it."""
        yield from super().objections(seen, since)
        if not seen.healthy:
            return
        exposition = seen.metrics.exposition
        if exposition is None:
            yield f"/metrics answers {seen.metrics.status or seen.metrics.reason}"
        elif not exposition.valid:
            yield f"/metrics: {exposition.defect}"
        if (seen.health.features or {}).get(FEATURE) != ON:
            yield "/health does not say that metrics are on"

    def remains(self, seen: Witness, prior: Snapshot) -> Iterator[str]:
        """As for any flag; and /metrics is there or gone as it was."""
        yield from super().remains(seen, prior)
        if seen.healthy and (seen.metrics.status == 200) is not was_on(prior):
            yield f"/metrics still answers {seen.metrics.status}"

    def row(self, seen: Witness, since: float) -> dict[str, str | float | bool | None]:
        """The frame's row with the columns about metrics."""
        exposition = seen.metrics.exposition
        return super().row(seen, since) | {
            "metrics_status": seen.metrics.status,
            "exposition_valid": exposition is not None and exposition.valid,
            "families": exposition.families if exposition else 0,
            "health_feature_matches": (seen.health.features or {}).get(FEATURE) == ON,
        }


def was_on(snapshot: Snapshot) -> bool:
    """Whether metrics were on before we came."""
    return is_on(snapshot, FLAG)


def _added(snapshots: Sequence[Snapshot]) -> frozenset[str]:
    """Those that became targets with the change."""
    return frozenset(snapshot.agent for snapshot in snapshots if not was_on(snapshot))
