"""Tells apart why an agent's metric cannot be judged: absent, stale, no traffic, target down, counter reset."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd

from rollout.judge.policy import JudgePolicy
from rollout.judge.robust import Bools, Floats

STALE_SHARE = 0.25  # of the window without a sample at its end: the series has stopped
STALE_SAMPLES = 4


class Presence(Enum):
    """What became of a series in its windows; the text completes "the metric ..."."""

    SEEN = "was seen"
    NEVER = "was never there"
    NEW = "was not there before"
    ABSENT = "is gone since the change"
    TARGET_DOWN = "has no samples because its target is down"
    STALE = "stopped inside the window"
    ZERO_TRAFFIC = "has no traffic to measure"
    COUNTER_RESET = "lost its window to counter resets"
    CONTAMINATED = "lost its window to another change"
    SPARSE = "has too few samples"


@dataclass(frozen=True, slots=True)
class AgentPresence:
    """One agent and one metric."""

    agent: str
    metric: str
    presence: Presence


def tell_presence(frame: pd.DataFrame, policy: JudgePolicy, samples: int) -> tuple[AgentPresence, ...]:
    """What became of every (agent, metric) of the frame, `samples` after settle.

    Optional columns: up (0 or 1: the scrape reached its target), reset (the counter behind the value went back), traffic or weight
    (requests behind the value), contaminated. A row whose value is NaN says that the scrape ran and had nothing.
    """
    rows = _within(frame, policy, samples)
    expected = {False: min(policy.before, policy.after), True: samples}
    told: list[AgentPresence] = []
    for (agent, metric), series in rows.groupby(["agent", "metric"], observed=True, sort=True):
        told.append(AgentPresence(str(agent), str(metric), _of_series(series, expected, policy)))
    return tuple(told)


def _within(frame: pd.DataFrame, policy: JudgePolicy, samples: int) -> pd.DataFrame:
    """Rows of the two windows, with the optional columns filled in and `late` saying which side."""
    t = frame["t"].to_numpy(dtype=float) / policy.scrape_interval
    late = (t >= policy.settle) & (t < policy.settle + samples)
    early = (t < 0) & (t >= -min(policy.before, policy.after) - 0.5)
    traffic = next((frame[name] for name in ("traffic", "weight") if name in frame.columns), None)
    value = frame["value"].to_numpy(dtype=float, na_value=np.nan)
    counted = frame["weight"].notna().to_numpy() if "weight" in frame.columns else np.zeros(len(frame), dtype=bool)
    idle = ~counted & (value == 0)
    if traffic is not None:
        idle |= (traffic.fillna(1.0) <= 0).to_numpy()
    value = np.where((value < 0) | (counted & (value > 1)), np.nan, value)
    columns = {
        "agent": frame["agent"].to_numpy(),
        "metric": frame["metric"].to_numpy(),
        "step": t,
        "late": late,
        "down": _flag(frame, "up", absent=1.0) == 0,
        "reset": _flag(frame, "reset", absent=0.0) > 0,
        "foreign": _flag(frame, "contaminated", absent=0.0) > 0,
        "idle": idle,
        "value": value,
    }
    return pd.DataFrame(columns)[early | late]


def _flag(frame: pd.DataFrame, column: str, absent: float) -> Floats:
    """An optional 0/1 column as floats (rows,); missing cells and a missing column say `absent`."""
    if column not in frame.columns:
        return np.full(len(frame), absent)
    return np.asarray(pd.to_numeric(frame[column], errors="coerce").fillna(absent).to_numpy(dtype=float))


def _of_series(series: pd.DataFrame, expected: dict[bool, int], policy: JudgePolicy) -> Presence:
    """One series' fate: the cause that took most of its samples, on the side that lacks them."""
    late = series["late"].to_numpy(dtype=bool)
    marks = {name: series[name].to_numpy(dtype=bool) for name in ("foreign", "down", "reset", "idle")}
    usable = ~np.isnan(series["value"].to_numpy(dtype=float)) & ~np.logical_or.reduce(list(marks.values()))
    held = {side: int((usable & (late == side)).sum()) for side in (False, True)}
    lacking = [side for side in (True, False) if held[side] < policy.min_share_seen * expected[side]]
    if not lacking:
        return Presence.SEEN
    here = late == lacking[0]
    causes = {
        "foreign": Presence.CONTAMINATED,
        "down": Presence.TARGET_DOWN,
        "reset": Presence.COUNTER_RESET,
        "idle": Presence.ZERO_TRAFFIC,
    }
    for name, presence in causes.items():
        if int((marks[name] & here).sum()) * 2 > expected[lacking[0]] - held[lacking[0]]:
            return presence
    return _gap(series["step"].to_numpy(dtype=float), usable & late, held, expected[True], policy.settle)


def _gap(step: Floats, usable: Bools, held: dict[bool, int], samples: int, settle: int) -> Presence:
    """What a series without a marked cause lacks: all of it, one side, its end, or samples here and there."""
    if not held[True]:
        return Presence.ABSENT if held[False] else Presence.NEVER
    if not held[False]:
        return Presence.NEW
    silent = settle + samples - 1 - float(step[usable].max())
    return Presence.STALE if silent >= max(STALE_SAMPLES, STALE_SHARE * samples) else Presence.SPARSE
