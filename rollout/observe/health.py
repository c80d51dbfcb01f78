"""How activated agents fare during a bake: from the exporters outside them, so that it is the same before and after."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from rollout.observe.frame import by_agent, selection
from rollout.observe.prometheus import Source
from rollout.plan import ImpactMetric

QUERIES = {
    "probe_success_ratio": (
        "sum without (scraped_by) (sum_over_time(probe_success{{{0}}}[{1}s]))"
        " / sum without (scraped_by) (count_over_time(probe_success{{{0}}}[{1}s]))"
    ),
    "samples": "sum without (scraped_by) (count_over_time(probe_success{{{0}}}[{1}s]))",
    "restarts": "max without (scraped_by) (changes(rollout_process_start_time_seconds{{{0}}}[{1}s]))",
    "processes": "max without (scraped_by) (max_over_time(rollout_process_count{{{0}}}[{1}s]))",
}
"""Column to PromQL over the window; every series comes from an exporter that runs whether the change is on or off.

`without (scraped_by)` makes one agent of what two hubs may have scraped, one after the other or both (day 2).
"""


def health_frame(source: Source, agents: Sequence[str], seconds: int, enough: float) -> pd.DataFrame:
    """One row per agent that was seen often enough in the last `seconds`: agent and the columns of QUERIES. Raises SourceFault.

    enough: probes below which an agent counts as not seen. Its row is left out, so that the gate says "not measured" instead of "sick".
    """
    matchers = selection(agents)
    columns = [by_agent(source.now(query.format(matchers, seconds)), name) for name, query in QUERIES.items()]
    frame = pd.concat(columns, axis=1).rename_axis("agent").reset_index()
    return frame[frame["agent"].isin(set(agents)) & (frame["samples"] >= enough)].reset_index(drop=True)


def excused(frame: pd.DataFrame, asked: Collection[str], settle: float) -> pd.DataFrame:
    """The frame without what a restart cost that somebody asked for: that one restart, and probes that were lost while the process was young.

    asked: agents that were restarted so; settle: samples for which a process is young. A second restart of the same agent still counts.
    """
    once = frame["agent"].isin(set(asked)) & (frame["restarts"] == 1)
    probes = (frame["probe_success_ratio"] + settle / frame["samples"]).clip(upper=1.0)
    return frame.assign(restarts=frame["restarts"].mask(once, 0), probe_success_ratio=frame["probe_success_ratio"].mask(once, probes))


def with_crashes(frame: pd.DataFrame, crashed: Collection[str]) -> pd.DataFrame:
    """The frame with a restart of each agent whose process ended by itself, also where it was back before the exporter looked."""
    return frame.assign(restarts=frame["restarts"].mask(frame["agent"].isin(set(crashed)), frame["restarts"].clip(lower=1)))


def error_frame(source: Source, errors: ImpactMetric, agents: Sequence[str], seconds: int) -> pd.DataFrame:
    """One row per agent, by the plan's own error metric over the whole window. Raises SourceFault.

    Columns: agent, error_ratio, ratio_but_for_one (had one fewer failed), share_of_one (what a single request is of all). Counts are extrapolated
    to the window by the source, so that failed requests are rounded to whole ones.
    """
    matchers, window = selection(agents), f"{seconds}s"
    ratio = by_agent(source.now(errors.promql(matchers, window)), "error_ratio")
    weight = errors.weight_promql(matchers, window)
    requests = ratio * np.nan if weight is None else by_agent(source.now(weight), "requests").reindex(ratio.index)
    requests = requests.where(requests > 0)
    fewer = ((ratio * requests).round() - 1).clip(lower=0) / requests
    frame = pd.DataFrame({"error_ratio": ratio, "ratio_but_for_one": fewer, "share_of_one": 1 / requests})
    return frame[frame.index.isin(set(agents))].rename_axis("agent").reset_index()


def queries_text(seconds: int) -> str:
    """The queries as they stand in the evidence."""
    return "; ".join(query.format("...", seconds) for query in QUERIES.values())
