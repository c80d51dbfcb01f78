"""Frames of samples: long format, one row per agent and scrape, built by numpy at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
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
    points = [point for each in named for point in each["values"]]

    def column(label: Callable[[Mapping[str, str]], str]) -> npt.NDArray[np.object_]:
        return np.repeat(np.array([label(each["metric"]) for each in named], dtype=object), lengths)

    frame = pd.DataFrame(
        {
            "agent": column(lambda labels: f"{labels['machine']}/{labels['agent']}"),
            "machine": column(lambda labels: labels["machine"]),
            PART: column(lambda labels: labels.get(PART, "")),
            "t": np.fromiter((at for at, _ in points), dtype=float, count=len(points)),
            "value": np.fromiter((float(value) for _, value in points), dtype=float, count=len(points)),
        }
    )
    finite: Samples = frame[np.isfinite(frame["value"].to_numpy())]
    return finite.reset_index(drop=True)


def selection(agents: Iterable[str]) -> str:
    """PromQL matchers that keep to the machines and names of these identities; several machines may share a name, callers filter again."""
    pairs = [identity.split("/") for identity in agents]
    machines = "|".join(sorted({machine for machine, _ in pairs}))
    names = "|".join(sorted({name for _, name in pairs}))
    return f'machine=~"{machines}",agent=~"{names}"'


def by_agent(vector: pd.DataFrame, name: str) -> pd.Series[float]:
    """An instant vector (one row per series: labels and value) as one column indexed by identity; empty when nothing matched.

    A value that is infinite is no more of a measurement than one that is not a number.
    """
    if vector.empty or not {"machine", "agent"} <= set(vector.columns):
        return pd.Series(name=name, dtype=float)
    values = vector["value"].to_numpy(dtype=float)
    return pd.Series(np.where(np.isfinite(values), values, np.nan), index=vector["machine"] + "/" + vector["agent"], name=name)
