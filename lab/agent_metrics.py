"""What an agent counts while its metrics are on."""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from lab.calls import Lookups

VERSION = "3.2.0"


class Metrics:
    """What an agent with its metrics on counts."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.requests = Counter("agent_requests", "Work requests answered.", ["status"])
        self.seconds = Histogram("agent_request_seconds", "Seconds from request to answer.")
        self.startup = Gauge("agent_startup_seconds", "Seconds from the supervisor's spawn of the process to healthy; NaN until then.")
        self.startup.set(math.nan)
        Gauge("agent_build_info", "Always 1; the version is a label.", ["version"]).labels(VERSION).set(1)

    def expose(self, lookups: Lookups) -> None:
        """What the agent asks the registry, as it is at each scrape."""
        REGISTRY.register(LookupCollector(lookups))


class LookupCollector(Collector):
    """Lookups by outcome, and their time."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def collect(self) -> Iterator[Metric]:
        """Two counters; every outcome is there from the beginning."""
        outcomes = CounterMetricFamily("agent_lookups", "Questions to the registry.", labels=["outcome"])
        for outcome in ("found", "unknown", "failed"):
            outcomes.add_metric([outcome], self._lookups.outcomes[outcome])
        yield outcomes
        yield CounterMetricFamily("agent_lookup_seconds", "Time that answered questions took.", self._lookups.seconds)
