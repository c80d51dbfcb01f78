"""What an outage of one hub cost: how long each agent was without samples, and whether the dead hub got back what it missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import httpx
import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from rollout.errors import SourceFault
from rollout.hub import Hub, HubPair
from rollout.observe.frame import selection

SERIES = "probe_success"
"""One per agent, scraped at the site's interval whether metrics are on or off."""
WATCHED = "rollout_watchdog_"


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watchdog says of itself. detection: seconds from the peer's last answer to the takeover, None before the first."""

    state: str
    targets: int
    detection: float | None


def watched(hub: Hub, pair: HubPair, timeout: float) -> Watched:
    """The watchdog of that hub's machine. Raises SourceFault."""
    url = f"http://{hub.machine.address}:{pair.access.watchdog.port}/metrics"
    try:
        text = httpx.get(url, timeout=timeout, trust_env=False).raise_for_status().text
    except httpx.HTTPError as error:
        raise SourceFault(f"the watchdog of {hub.machine.name} does not answer: {error}") from error
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.name.startswith(WATCHED)]
    values = {sample.name.removeprefix(WATCHED): sample.value for sample in samples}
    states = [sample.labels["state"] for sample in samples if sample.name == f"{WATCHED}state" and sample.value == 1]
    return Watched(states[0] if states else "", int(values.get("taken_over_targets", 0)), values.get("detection_seconds"))


def outage_frame(pair: HubPair, dead: Hub, agents: Sequence[str], began: float, ended: float, margin: float) -> pd.DataFrame:
    """One row per agent: agent, gap_seconds (the longest time without a sample around the outage), backfill_ratio (of the survivor's samples).

    began, ended: Unix seconds of the outage; margin: seconds before and after it that belong to the picture. Raises SourceFault.
    """
    survivor = pair.peer(dead)
    selector, end = f"{SERIES}{{{selection(agents)}}}", ended + margin
    there = _times(survivor, selector, end, end - began + margin)
    here = _times(dead, selector, end, end - began + margin)
    rows = []
    for agent in agents:
        times = sorted(there.get(agent, set()))
        missed = {t for t in times if began <= t <= ended}
        if missed:
            gap = max(later - earlier for earlier, later in pairwise(times))
            rows.append({"agent": agent, "gap_seconds": gap, "backfill_ratio": len(missed & here.get(agent, set())) / len(missed)})
    return pd.DataFrame(rows, columns=["agent", "gap_seconds", "backfill_ratio"])


def _times(hub: Hub, selector: str, end: float, seconds: float) -> dict[str, set[float]]:
    """When each agent was scraped, by whichever hub, as that hub knows it."""
    found: dict[str, set[float]] = {}
    for each in hub.client.samples(selector, end, seconds):
        labels = each["metric"]
        found.setdefault(f"{labels['machine']}/{labels['agent']}", set()).update(float(t) for t, _ in each["values"])
    return found
