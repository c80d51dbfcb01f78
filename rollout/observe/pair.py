"""Whether two hubs tell the same, and whether each gets what the other scrapes: frames from both, raw sample by raw sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from rollout.hub import Hub, HubPair
from rollout.observe.frame import selection

SENT = "prometheus_remote_storage_samples_total"
SCRAPED = 'sum(sum_over_time(scrape_samples_post_metric_relabeling{{scraped_by="{0}"}}{1})) + 5 * sum(count_over_time(up{{scraped_by="{0}"}}{1}))'
"""Samples that a hub has scraped over a window; to what a target gives, Prometheus adds five of its own at each scrape."""
Sample = tuple[str, float, str]
"""A series by its labels, Unix seconds, and the value as it was sent."""


def consistency_frame(pair: HubPair, agents: Sequence[str], end: float, seconds: float, jobs: str = ".+") -> pd.DataFrame:
    """One row per agent that any hub knows: agent, samples (of both together), identical_series and identical_samples (shares of those, 0 to 1).

    end: Unix seconds at which the window of that many seconds ends; jobs: which ones are compared, as a regular expression. Samples are the same
    when labels, time and value are. Raises SourceFault.
    """
    selector = f'{{{selection(agents)},job=~"{jobs}",scraped_by!=""}}'
    first, second = (_by_agent(hub.client.samples(selector, end, seconds)) for hub in pair.hubs)
    rows = []
    for agent in agents:
        one, two = first.get(agent, set()), second.get(agent, set())
        if either := one | two:
            series = [{sample[0] for sample in side} for side in (one, two)]
            shares = (len(series[0] & series[1]) / len(series[0] | series[1]), len(one & two) / len(either))
            rows.append({"agent": agent, "samples": len(either), "identical_series": shares[0], "identical_samples": shares[1]})
    return pd.DataFrame(rows, columns=["agent", "samples", "identical_series", "identical_samples"])


def sent_so_far(pair: HubPair) -> dict[str, float]:
    """How many samples each hub has sent since its start, by its name. Raises SourceFault."""
    return {hub.name: hub.client.counters([SENT])[SENT] for hub in pair.hubs}


def synchronisation_frame(pair: HubPair, before: Mapping[str, float], since: float, now: float, margin: float) -> pd.DataFrame:
    """One row per hub, under its agent's name: agent, received_ratio, lag_seconds, send_ratio, skew_seconds; a figure that nobody has is missing.

    before: what `sent_so_far` said at `since`; now: Unix seconds; margin: seconds before now that are not compared, since samples of them may be
    on their way. Raises SourceFault.
    """
    sent = sent_so_far(pair)
    return pd.DataFrame([_row(pair, hub, sent[hub.name] - before[hub.name], since, now, margin) for hub in pair.hubs])


def _row(pair: HubPair, hub: Hub, sent: float, since: float, now: float, margin: float) -> dict[str, object]:
    peer, seconds = pair.peer(hub), now - since
    own = hub.client.value(SCRAPED.format(hub.name, f"[{seconds:.0f}s]"))
    window = SCRAPED.format(peer.name, f"[{max(seconds - margin, 1):.0f}s] @ {now - margin:.3f}")
    there, here = peer.client.value(window), hub.client.value(window)
    newest = hub.client.value(f'max(timestamp(up{{scraped_by="{peer.name}"}}))')
    return {
        "agent": hub.agent.id,
        "received_ratio": here / there if there and here is not None else None,
        "lag_seconds": max(0.0, now - newest) if newest is not None else None,
        "send_ratio": sent / own if own else None,
        "skew_seconds": abs(hub.client.now() - now),
    }


def _by_agent(series: Iterable[Mapping[str, Any]]) -> dict[str, set[Sample]]:
    """The samples of each agent."""
    found: dict[str, set[Sample]] = {}
    for each in series:
        labels = each["metric"]
        if "machine" in labels and "agent" in labels:
            name = ",".join(f"{label}={labels[label]}" for label in sorted(labels))
            found.setdefault(f"{labels['machine']}/{labels['agent']}", set()).update((name, float(t), value) for t, value in each["values"])
    return found
