"""Frames of samples: long format, one row per agent and scrape, built by numpy at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

Samples: TypeAlias = pd.DataFrame
"""Columns agent (identity machine/name), machine, part, t (Unix seconds), value."""

PART = "part"
"""Label by which one query answers several; empty where it answers one."""


def frame_of(series: Iterable[Mapping[str, Any]]) -> Samples:
    """The matrix of a range query as a frame; series without labels machine and agent are somebody else's and left out.

    A missing scrape is a missing row; values that are not finite are missing too: neither may look like a zero. The label PART is a column more.
    """
    named = [each for each in series if "agent" in each["metric"] and "machine" in each["metric"]]
    names = pd.Series(dtype=str)
    if not named:
        return pd.DataFrame({"agent": names, "machine": names, PART: names, "t": np.empty(0), "value": np.empty(0)})
    lengths = [len(each["values"]) for each in named]
    machines = np.repeat([each["metric"]["machine"] for each in named], lengths)
    agents = np.repeat([f"{each['metric']['machine']}/{each['metric']['agent']}" for each in named], lengths)
    parts = np.repeat([each["metric"].get(PART, "") for each in named], lengths)
    points = np.array([point for each in named for point in each["values"]], dtype=float).reshape(-1, 2)
    frame = pd.DataFrame({"agent": agents, "machine": machines, PART: parts, "t": points[:, 0], "value": points[:, 1]})
    finite: Samples = frame[np.isfinite(frame["value"].to_numpy())]
    return finite.reset_index(drop=True)


def selection(agents: Iterable[str]) -> str:
    """PromQL matchers that keep to the machines and names of these identities; several machines may share a name, callers filter again."""
    pairs = [identity.split("/") for identity in agents]
    machines = "|".join(sorted({machine for machine, _ in pairs}))
    names = "|".join(sorted({name for _, name in pairs}))
    return f'machine=~"{machines}",agent=~"{names}"'


def by_agent(vector: pd.DataFrame, name: str) -> pd.Series[float]:
    """An instant vector (one row per series: labels and value) as one column indexed by identity; empty when nothing matched."""
    if vector.empty or not {"machine", "agent"} <= set(vector.columns):
        return pd.Series(name=name, dtype=float)
    return pd.Series(vector["value"].to_numpy(dtype=float), index=vector["machine"] + "/" + vector["agent"], name=name)
