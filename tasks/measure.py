"""Measure: frames from the metrics sources, with no opinion about them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rollout.observe.cost import HubCost, agents_cost, hub_cost
from rollout.observe.health import error_frame, health_frame
from rollout.observe.impact import impact_samples
from rollout.observe.lookups import lookup_frame
from rollout.observe.prometheus import Prometheus
from rollout.plan import ImpactMetric
from rollout.site import Site
from tasks.task import step


@step("measure health", "measure the health of {count} agents over {seconds} s", retried=False)
def measure_health(site: Site, agents: Sequence[str], seconds: int, enough: float, count: int) -> pd.DataFrame:
    """Probes, restarts and processes of the agents over the last seconds."""
    del count
    return health_frame(site.sources.usable(), agents, seconds, enough)


@step("measure errors", "measure the errors of {count} agents over {seconds} s", retried=False)
def measure_errors(site: Site, errors: ImpactMetric, agents: Sequence[str], seconds: int, count: int) -> pd.DataFrame:
    """Share of failed requests per agent over the last seconds."""
    del count
    return error_frame(site.sources.usable(), errors, agents, seconds)


@step("measure impact", "measure {what}", retried=False)
def measure_impact(
    site: Site, metrics: Sequence[ImpactMetric], agents: Sequence[str], start: float, end: float, rate: float, what: str
) -> pd.DataFrame:
    """The impact metrics' samples of all these agents in the window."""
    del what
    return impact_samples(site.sources.usable(), metrics, agents, start, end, site.scrape_interval, rate)


@step("measure lookups", "measure what {count} agents asked the registry", retried=False)
def measure_lookups(site: Site, agents: Sequence[str], seconds: int, count: int) -> pd.DataFrame:
    """Lookups, failures and their time, since each agent's start."""
    del count
    return lookup_frame(site.sources.usable(), agents, seconds)


@step("measure hub", "measure what hub {name} stores", retried=False)
def measure_hub(site: Site, hub: Prometheus, seconds: int, name: str) -> HubCost:
    """Series and samples a second of one hub, over the last seconds."""
    del name
    return hub_cost(hub, site.clock.now(), seconds)


@step("measure cost", "measure what collecting from {count} agents costs", retried=False)
def measure_cost(site: Site, agents: Sequence[str], seconds: int, count: int) -> pd.DataFrame:
    """Series, samples and time of every agent's scrapes over the last seconds."""
    del count
    return agents_cost(site.sources.usable(), agents, seconds)
