"""Shadow: start second instances of agents to measure them; the agents themselves are not touched."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from rollout.fleet import Agent
from rollout.observe.startups import startup_frame
from rollout.shadow import ShadowHost, Start
from rollout.site import Site
from tasks.task import step


@step("start shadows", "start {agent.id} twice beside itself, {what}")
def start_pair(
    host: ShadowHost, agent: Agent, settings: tuple[Mapping[str, str], Mapping[str, str]], first_request: str, what: str, *, profiled: bool
) -> tuple[Start, Start]:
    """One start with each of the two settings, right after each other, so that whatever else the machine does meets both."""
    del what
    before, after = (host.start(agent, each, first_request, profiled=profiled) for each in settings)
    return before, after


@step("read start-ups", "read the start-up seconds of {count} agents", retried=False)
def read_startups(site: Site, agents: tuple[str, ...], count: int) -> pd.DataFrame:
    """As Prometheus has them."""
    del count
    return startup_frame(site.sources.usable(), agents)
