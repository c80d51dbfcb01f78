"""Two hubs: check, compare and watch them; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rollout.changes.hubs import HubService
from rollout.hub import Hub, HubPair
from rollout.observe.agreement import Agreement, compare
from rollout.observe.discovery import discovery_frame
from rollout.observe.outage import Watched, outage_frame, watched
from rollout.observe.pair import consistency_frame, sent_so_far, synchronisation_frame
from rollout.site import Site
from tasks.task import step


@step("check configuration", "check the configuration of both hubs with promtool")
def check_configuration(change: HubService) -> dict[str, str]:
    """Hubs whose configuration promtool refuses, with its words."""
    return change.refused()


@step("compare hubs", "compare what both hubs have of {count} agents", retried=False)
def compare_hubs(pair: HubPair, agents: Sequence[str], end: float, seconds: float, count: int) -> pd.DataFrame:
    """Sample by sample, over the window that ends then."""
    del count
    return consistency_frame(pair, agents, end, seconds)


@step("compare sources", "compare the sources, {what}", retried=False)
def compare_sources(site: Site, pair: HubPair, agents: Sequence[str], end: float, seconds: float, what: str) -> Agreement:
    """Raises SourceFault where none can be believed."""
    del what
    return compare(site.sources, pair, agents, end, seconds)


@step("count sent samples", "count what each hub has sent", retried=False)
def count_sent(pair: HubPair) -> dict[str, float]:
    """Since each hub's start."""
    return sent_so_far(pair)


@step("measure synchronisation", "measure what each hub gets of the other", retried=False)
def measure_synchronisation(pair: HubPair, before: Mapping[str, float], since: float, now: float, margin: float) -> pd.DataFrame:
    """Since that moment."""
    return synchronisation_frame(pair, before, since, now, margin)


@step("measure outage", "measure the outage of {name}", retried=False)
def measure_outage(pair: HubPair, dead: Hub, agents: Sequence[str], began: float, ended: float, margin: float, name: str) -> pd.DataFrame:
    """Gaps and back-fill."""
    del name
    return outage_frame(pair, dead, agents, began, ended, margin)


@step("ask watchdog", "ask the watchdog of {name}", retried=False)
def ask_watchdog(pair: HubPair, hub: Hub, timeout: float, name: str) -> Watched:
    """What it says of itself."""
    del name
    return watched(hub, pair, timeout)


@step("list targets", "list whom both hubs have discovered", retried=False)
def list_targets(pair: HubPair) -> pd.DataFrame:
    """Agents as the hubs' own targets name them."""
    return discovery_frame(pair)
