"""The baseline of day 0.5: the impact metrics of a quiet window with their own noise (plan.md lines 43-46)."""

from __future__ import annotations

import pandas as pd

from rollout.observe.frame import Samples


def baseline_frame(samples: Samples, now: float) -> pd.DataFrame:
    """One row per agent and metric: agent, metric, samples, newest_age_seconds, mean, sd. now: Unix seconds."""
    groups = samples.groupby(["agent", "metric"], as_index=False)
    summary = groups.agg(samples=("value", "size"), newest=("t", "max"), mean=("value", "mean"), sd=("value", "std"))
    summary["newest_age_seconds"] = now - summary["newest"]
    return summary.drop(columns="newest")


def noise_of(samples: Samples) -> pd.DataFrame:
    """The fleet's level and noise per metric: metric, agents, mean, cv (standard deviation between agents' means over their mean)."""
    means = samples.groupby(["metric", "agent"])["value"].mean().groupby("metric")
    frame = means.agg(agents="size", mean="mean", sd="std").reset_index()
    return frame.assign(cv=(frame["sd"] / frame["mean"].where(frame["mean"] != 0, 1.0)).fillna(0.0)).drop(columns="sd")
