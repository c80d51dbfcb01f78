"""Small fleets with known effects for the judge's tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollout.judge.policy import JudgePolicy, MetricForm, MetricPolicy

LATENCY = MetricPolicy("latency")
MEMORY = MetricPolicy("memory", MetricForm.ABSOLUTE, 8.0, 16.0, unit="MiB")
ERRORS = MetricPolicy("errors", MetricForm.ABSOLUTE, 0.005, 0.01, unit="ratio")
POLICY = JudgePolicy(metrics=(LATENCY, ERRORS))
QUIET = 0.004  # sd of an agent's own change: a fleet in which two percent can be proven


def make_frame(seed=1, *, agents=30, batch=10, machines=2, wander=QUIET, latency=1.0, hit=None, errors=0.0, error_rate=0.002, samples=60, extra=None):
    """A frame of latency and errors; the last `batch` agents are treated, `hit` of them are affected. extra adds metrics: name -> (before, after)."""
    rng = np.random.default_rng(seed)
    t = np.arange(-60, samples) * 15.0 + 3.0
    names = np.array([f"m{at % machines}/A{at:03d}" for at in range(agents)])
    treated = np.arange(agents) >= agents - batch
    affected = np.arange(agents) >= agents - (batch if hit is None else hit)
    late = t >= 0
    level = np.exp(rng.normal(0, 1, (agents, 1)))
    own = np.where(late, rng.normal(0, wander, (agents, 1)), rng.normal(0, wander, (agents, 1)))
    values = level * np.exp(own + rng.normal(0, 0.01, (agents, len(t))) + 0.05 * late)
    values[np.ix_(affected & treated, late)] *= latency
    requests = rng.poisson(30, (agents, len(t))) + 1.0
    rate = np.full((agents, len(t)), error_rate)
    rate[np.ix_(affected & treated, late)] += errors
    ratio = rng.binomial(requests.astype(int), rate) / requests
    parts = [("latency", values, np.full(values.shape, np.nan)), ("errors", ratio, requests)]
    for name, (before, after) in (extra or {}).items():
        steady = before * np.exp(rng.normal(0, 0.003, (agents, len(t))))
        steady[np.ix_(treated, late)] += after - before
        parts.append((name, steady, np.full(values.shape, np.nan)))
    frames = [
        pd.DataFrame(
            {
                "agent": np.repeat(names, len(t)),
                "machine": np.repeat([name.split("/")[0] for name in names], len(t)),
                "metric": name,
                "t": np.tile(t, agents),
                "value": values.ravel(),
                "treated": np.repeat(treated, len(t)),
                "weight": weights.ravel(),
            }
        )
        for name, values, weights in parts
    ]
    return pd.concat(frames, ignore_index=True)


def rising(frame, agents, metric, amount):
    """The frame with that metric of those agents rising evenly from the change on, by `amount` in fifteen minutes: a slope and no step."""
    hit = (frame["metric"] == metric) & frame["agent"].isin(list(agents))
    return frame.assign(value=frame["value"].where(~hit, frame["value"] + frame["t"].clip(lower=0) / 900 * amount))


def with_few_requests(frame, failed):
    """The frame with three requests to each agent on either side of the change; after it one of the last `failed` agents' three fails."""
    errors = frame["metric"] == "errors"
    late = frame["t"] >= POLICY.settle * POLICY.scrape_interval
    unlucky = errors & late & frame["agent"].isin(batch_of(frame)[len(batch_of(frame)) - failed :])
    value = frame["value"].where(~errors, 0.0).where(~unlucky, 1 / 3)
    return frame.assign(value=value, weight=frame["weight"].where(~errors, 3 / POLICY.after))


def batch_of(frame):
    """The treated agents by name."""
    return tuple(sorted(frame.loc[frame["treated"], "agent"].unique()))
