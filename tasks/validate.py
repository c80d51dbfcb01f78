"""Validate: what must be so before, and what must show after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from expectations import validate
from rollout.drift import Bystanders
from rollout.errors import Drift
from rollout.fleet import Agent
from rollout.observe.collection import SUCCESS, collect
from rollout.observe.readiness import readiness_frame
from rollout.observe.restarts import Restart, restarts_since
from rollout.site import Site
from rollout.verdict import Evidence, Finding
from tasks.task import step

FEATURE = "metrics"


@step("probe readiness", "probe readiness of {count} agents")
def probe_readiness(site: Site, agents: Sequence[Agent], bounds: Mapping[str, float], count: int, suite: str = "readiness") -> tuple[Finding, ...]:
    """Every agent runs under its supervisor, owns its ports, answers /health and can be given metrics, as far as the suite asks."""
    began = site.clock.now()
    frame = readiness_frame(site.machines, agents, site.prober, FEATURE, began)
    evidence = Evidence("supervisor, /proc, probe", "getAllProcessInfo; /proc/net/tcp; GET /health", began, site.clock.now(), len(frame))
    del count
    return validate(suite, frame, bounds, evidence, agents=[agent.id for agent in agents])


@step("find drift", "look for drift before batch {batch}")
def find_drift(bystanders: Bystanders, touched: Collection[str], batch: int) -> None:
    """Agents that this run does not touch are what they were. Raises Drift with their names."""
    del batch
    if drifted := bystanders.drifted(touched):
        reasons = "; ".join(f"{agent}: {reason}" for agent, reason in sorted(drifted.items()))
        raise Drift(f"agents that this run did not touch have changed ({reasons})", drifted)


@step("find restarts", "look for restarts by somebody else, batch {batch}")
def find_restarts(site: Site, since: Mapping[str, float], batch: int) -> dict[str, Restart]:
    """Agents whose process is younger than `since` (Unix seconds by agent)."""
    del batch
    return restarts_since(site.fleet, site.machines, since)


@step("collect metrics", "collect the metrics of {count} agents", retried=False)
def collect_metrics(site: Site, agents: Sequence[Agent], bounds: Mapping[str, float], seconds: int, count: int) -> tuple[Finding, ...]:
    """Every agent's /metrics is whole, and the hub really scrapes it. seconds: the hub's window."""
    began = site.clock.now()
    collection = collect(site.machines, agents, site.prober, site.sources, site.targets, seconds, FEATURE)
    query = SUCCESS.format('job="agents"', seconds)
    hub = Evidence(site.sources.name, f"{query}; GET /metrics of each", began - seconds, site.clock.now(), count)
    identities = [agent.id for agent in agents]
    clock = Evidence("probe", "GET /health and /metrics of every agent, timed as a whole", began, site.clock.now(), count)
    return (
        *validate("collection", collection.frame, bounds, hub, agents=identities),
        *validate("collection_time", collection.timing(), bounds, clock),
    )
