"""The sources that a site's file names, ready to be asked; nothing is contacted yet."""

from __future__ import annotations

from collections.abc import Mapping

from rollout.clock import Clock
from rollout.observe.prometheus import Prometheus
from rollout.site_file import SiteFile


def sources_asked(site: SiteFile, secrets: Mapping[str, str], clock: Clock, timeout: float) -> list[Prometheus]:
    """In the order in which they are believed, each with its own login or the hubs'.

    timeout: seconds for one answer. Raises Refused for missing secrets.
    """
    hubs, machines = site.hub_login(secrets), tuple(site.machines)
    return [
        Prometheus(each.name, each.url, clock, site.scrape_interval, timeout, each.login(secrets, f"source {each.name}") or hubs, machines)
        for each in site.asked
    ]
