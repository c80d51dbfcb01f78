"""Load: what the hubs saw of a level and of the whole test, with no opinion about it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rollout.load.frames import agents_frame, memory_samples
from rollout.load.measured import Measured
from rollout.site import Site
from tasks.task import step


@step("measure level", "measure {count} agents through level {level}", retried=False)
def measure_level(site: Site, measured: Measured, agents: Sequence[str], seconds: int, enough: float, level: str, count: int) -> pd.DataFrame:
    """Callers' side and hubs' side of every agent over the last seconds."""
    del level, count
    return agents_frame(site.sources.usable(), measured, agents, seconds, enough)


@step("measure growth", "measure the memory of {count} agents through the test", retried=False)
def measure_growth(site: Site, agents: Sequence[str], start: float, end: float, count: int) -> pd.DataFrame:
    """Resident MiB of every agent from start to end."""
    del count
    return memory_samples(site.sources.usable(), agents, start, end, site.scrape_interval)
