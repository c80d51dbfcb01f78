"""What a level showed, as frames for the expectations: the callers' side from the generator, the agents' side from the hubs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rollout.judge.runs import level_of, ratio_of
from rollout.judge.trend import trend
from rollout.load.histogram import Histogram
from rollout.load.measured import Measured
from rollout.observe.frame import Samples, by_agent, selection
from rollout.observe.health import health_frame
from rollout.observe.prometheus import Source

QUERIES = {
    "scrape_success_ratio": "min by (machine, agent) (avg_over_time(up{%s}[%ds]))",
    "cpu_cores": "max by (machine, agent) (rate(rollout_process_cpu_seconds_total{%s}[%ds]))",
    "resident_mib": "max by (machine, agent) (max_over_time(rollout_process_resident_bytes{%s}[%ds])) / 1048576",
}
"""Column to PromQL over the level; with several hubs the worst one's word counts."""
MEMORY = "max by (machine, agent) (rollout_process_resident_bytes{%s}) / 1048576"
MOST_SAMPLES = 500
"""Points of one agent's memory: a line needs no more, and eight hours have many."""


def level_frame(measured: Measured, hub_lag: float | None) -> pd.DataFrame:
    """One row: error_ratio, p99_seconds, p99_upper_seconds, hub_lag_seconds.

    hub_lag: seconds, the worst that was seen; None where a hub was silent.
    """
    p99 = level_of(run_percentiles(measured, 0.99))
    return pd.DataFrame(
        {
            "error_ratio": [measured.error_ratio],
            "p99_seconds": [p99.value if p99 else None],
            "p99_upper_seconds": [p99.upper if p99 else None],
            "hub_lag_seconds": [hub_lag],
        }
    ).astype(float)


def agents_frame(source: Source, measured: Measured, agents: Sequence[str], seconds: int, enough: float) -> pd.DataFrame:
    """One row per agent that the hubs saw often enough in the last `seconds`. Raises SourceFault.

    Columns: agent, requests, error_ratio, p99_seconds from the callers; probe_success_ratio, restarts, processes, scrape_success_ratio,
    cpu_cores, resident_mib from the hubs. enough: probes below which an agent counts as not seen.
    """
    callers = pd.DataFrame(
        {
            "agent": [target.agent for target in measured.targets],
            "requests": [target.sent for target in measured.targets],
            "error_ratio": [target.error_ratio for target in measured.targets],
            "p99_seconds": [Histogram(target.latency).percentile(0.99) for target in measured.targets],
        }
    ).astype({"error_ratio": float, "p99_seconds": float})
    matchers = selection(agents)
    hub = pd.concat([by_agent(source.now(query % (matchers, seconds)), name) for name, query in QUERIES.items()], axis=1)
    return health_frame(source, agents, seconds, enough).merge(callers, on="agent").join(hub, on="agent")


def queries_text(seconds: int) -> str:
    """The hubs' queries as they stand in the evidence."""
    return "; ".join(query % ("...", seconds) for query in QUERIES.values())


def end_frame(first: Measured | None, recovery: Measured | None) -> pd.DataFrame:
    """One row: recovery_ratio of the median latency to the first level's, recovery_upper; not a number where one of them was not measured."""
    ratio = ratio_of(run_percentiles(recovery, 0.5), run_percentiles(first, 0.5)) if first and recovery else None
    return pd.DataFrame({"recovery_ratio": [ratio.value if ratio else np.nan], "recovery_upper": [ratio.upper if ratio else np.nan]})


def memory_samples(source: Source, agents: Sequence[str], start: float, end: float, scrape_interval: float) -> Samples:
    """Resident MiB of each agent from start to end (Unix seconds). Raises SourceFault."""
    frame = source.window(MEMORY % selection(agents), start, end, max(scrape_interval, (end - start) / MOST_SAMPLES))
    return frame[frame["agent"].isin(set(agents))].reset_index(drop=True)


def memory_frame(samples: Samples) -> pd.DataFrame:
    """One row per agent with enough samples: agent, growth_mib over the samples' span, growth_lower_mib, growth_upper_mib (one-sided 95 %)."""
    rows = []
    for agent, series in samples.groupby("agent"):
        line = trend(series["t"].to_numpy(dtype=float), series["value"].to_numpy(dtype=float))
        if line is not None:
            rows.append({"agent": agent, "growth_mib": line.growth, "growth_lower_mib": line.lower, "growth_upper_mib": line.upper})
    return pd.DataFrame(rows, columns=["agent", "growth_mib", "growth_lower_mib", "growth_upper_mib"])


def run_percentiles(measured: Measured, share: float) -> list[float]:
    """That percentile of each run that had any answer, in seconds."""
    found = (Histogram(counts).percentile(share) for counts in measured.runs)
    return [seconds for seconds in found if seconds is not None]
