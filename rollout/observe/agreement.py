"""Whether what the hubs say can be believed: by each other where there are two, and by the exporters themselves as a witness besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from rollout.errors import SourceFault
from rollout.hub import HubPair
from rollout.observe.frame import by_agent, selection
from rollout.observe.pair import consistency_frame
from rollout.observe.prometheus import Prometheus, Sources

STARTED = "rollout_process_start_time_seconds"
"""The witnesses' series: constant while a process lives, so that a hub and a direct look may be a moment apart."""
OUTSIDE = "process|probe|load"
"""Jobs of what is measured from outside the agents, at the site's own interval."""
TICK = 0.1
"""Seconds by which two readings of a start may differ; the kernel counts ticks of 10 ms."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the sources were compared. sources: those that are fresh; frame: as consistency_frame makes it, None where one hub alone is left."""

    sources: tuple[str, ...]
    frame: pd.DataFrame | None


def compare(sources: Sources, pair: HubPair, agents: Sequence[str], end: float, seconds: float) -> Agreement:
    """Compare the fresh hubs with the exporters now, and with each other over the window that ends at that Unix time.

    Raises SourceFault when no hub is fresh, and when the exporters contradict one that is.
    """
    fresh, reasons = _fresh(sources)
    if not fresh:
        raise SourceFault("; ".join(reasons) or "no source is in force")
    for source in fresh:
        _require_witness(source, pair, agents)
    names = tuple(source.name for source in fresh)
    return Agreement(names, consistency_frame(pair, agents, end, seconds, OUTSIDE) if len(fresh) == len(pair.hubs) else None)


def _fresh(sources: Sources) -> tuple[list[Prometheus], list[str]]:
    fresh, reasons = [], []
    for source in sources.ordered:
        try:
            source.require_fresh()
        except SourceFault as fault:
            reasons.append(str(fault))
        else:
            fresh.append(source)
    return fresh, reasons


def _require_witness(source: Prometheus, pair: HubPair, agents: Sequence[str]) -> None:
    """What a hub says of the agents' processes is what their exporters say, asked directly."""
    told = by_agent(source.now(f"max without (scraped_by) ({STARTED}{{{selection(agents)}}})"), "started")
    seen = {agent: value for hub in pair.hubs for agent, value in _direct(hub.machine.name, pair).items()}
    wrong = [agent for agent in agents if agent in seen and agent in told.index and abs(told[agent] - seen[agent]) > TICK]
    if wrong:
        raise SourceFault(f"{source.name} contradicts the exporters about {', '.join(wrong[:5])}: their processes are others")


def _direct(machine: str, pair: HubPair) -> dict[str, float]:
    """When each program of a machine was started, from its exporter; nothing where that does not answer, which other gates tell."""
    try:
        text = (
            httpx.get(f"http://{pair.address(machine)}:{pair.access.exporters.process}/metrics", timeout=5.0, trust_env=False).raise_for_status().text
        )
    except httpx.HTTPError:
        return {}
    families = [family for family in text_string_to_metric_families(text) if family.name == STARTED]
    return {f"{machine}/{sample.labels['agent']}": sample.value for family in families for sample in family.samples}
