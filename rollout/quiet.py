"""Quiet windows of a site's own sources: the judge's metrics while nothing is rolled out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from rollout.clock import Clock
from rollout.fleet import Fleet
from rollout.hub import configured
from rollout.machines import secrets_of
from rollout.observe.frame import by_agent, selection
from rollout.observe.impact import impact_samples
from rollout.observe.prometheus import Source, Sources
from rollout.plan import Day
from rollout.site_file import SiteFile
from rollout.site_sources import sources_asked
from rollout.transports.way import transport_to


@dataclass(frozen=True, slots=True)
class Quiet:
    """frame: as the judge wants it, t in seconds since the window began, nobody treated. source: who answered.

    restarted: agents that restarted inside the window, left out of the frame; None if no source knows when agents started.
    """

    frame: pd.DataFrame
    source: str
    restarted: tuple[str, ...] | None


def sources_of(site: SiteFile, clock: Clock, timeout: float) -> Sources:
    """The site's sources alone: reading needs no supervisor and none of its secrets; credentials of the hubs go along where there are any.

    The second hub of a pair is a source while both are configured as one.
    """
    secrets = secrets_of(site)
    transports = {name: transport_to(name, machine, timeout) for name, machine in site.machines.items()}

    def in_force(name: str) -> bool:
        return site.pair is None or name != site.hubs[1].name or all(configured(hub.running, transports[hub.machine]) for hub in site.hubs)

    return Sources(sources_asked(site, secrets, clock, timeout), in_force)


def quiet_window(source: Source, day: Day, fleet: Fleet, window: tuple[float, float], scrape_interval: float, rate: float) -> Quiet:
    """The day's impact metrics of the whole fleet. window: Unix seconds; rate: seconds of $rate. Raises SourceFault."""
    agents = [agent.id for agent in fleet.agents]
    samples = impact_samples(source, day.impact, agents, *window, scrape_interval, rate)
    restarted = _restarted(source, agents, round(window[1] - window[0]))
    kept = samples[~samples["agent"].isin(restarted or ())]
    return Quiet(kept.assign(t=kept["t"] - window[0], treated=False), source.name, restarted)


def _restarted(source: Source, agents: list[str], seconds: int) -> tuple[str, ...] | None:
    """Agents whose process start time changed within the last seconds."""
    changed = by_agent(
        source.now(f"max without (scraped_by) (changes(rollout_process_start_time_seconds{{{selection(agents)}}}[{seconds}s]))"), "changes"
    )
    return None if changed.empty else tuple(sorted(set(changed[changed > 0].index) & set(agents)))
