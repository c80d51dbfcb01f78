"""Metrics activation: the flag of plan.md line 76, its effect at /metrics, and the hub that scrapes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollout.change import BeforeEach, Snapshot
from rollout.changes.environment import EnvironmentChange, is_on
from rollout.clock import Deadline
from rollout.errors import ActFault
from rollout.fleet import Agent
from rollout.observe.witness import Witness
from rollout.services.hub_targets import Targets

FLAG = "ENABLE_PROMETHEUS_METRICS"
FEATURE = "metrics"
ON, OFF = "on", "off"


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

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """The hub forgets them first, so that it does not report a deliberate absence as an outage."""
        self.targets.remove(snapshot.agent for snapshot in snapshots if not was_on(snapshot))
        super().restore(snapshots, deadline, before_each)

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
