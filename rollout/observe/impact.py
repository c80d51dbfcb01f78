"""What the change may cost, as frames for the judge: the plan's impact metrics over one window, changed agents beside unchanged ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rollout.observe.frame import Samples, selection
from rollout.observe.prometheus import Source
from rollout.plan import ImpactMetric

NO_SAMPLES = pd.DataFrame({"agent": [], "machine": [], "metric": [], "t": [], "value": [], "weight": []}).astype(
    {"agent": object, "machine": object, "metric": object}
)
"""What a day without impact metrics is judged on."""


def impact_samples(
    source: Source, metrics: Sequence[ImpactMetric], agents: Sequence[str], start: float, end: float, step: float, rate: float
) -> Samples:
    """One row per agent, metric and scrape: agent, machine, metric, t (Unix seconds), value, weight (NaN where the metric has none).

    step: seconds between two rows, the scrape interval; rate: seconds that $rate looks back. One query per metric (and one for its weight),
    not one per agent. Raises SourceFault.
    """
    frames = [_metric_samples(source, metric, agents, start, end, step, f"{rate:g}s") for metric in metrics]
    return pd.concat(frames, ignore_index=True) if frames else NO_SAMPLES.copy()


@dataclass(frozen=True, slots=True)
class Window:
    """Around one activation. acted, since: Unix seconds of the first act and of its verified end; settle: seconds that a process is young.

    restarts: agent to the Unix second in which somebody else restarted it.
    """

    acted: float
    since: float
    settle: float
    restarts: Mapping[str, float]


def treated_frame(samples: Samples, treated: Collection[str], controls: Collection[str], window: Window) -> pd.DataFrame:
    """The judge's input: only those agents, `treated`, `contaminated`, and t in seconds.

    t runs up to 0 at the first act and on from 0 at the verified end: what was measured in between is neither before nor after, and however long
    the agents took to start, the judge has the whole time before. A restart by somebody else contaminates its agent's samples from then until the
    process has settled.
    """
    acted, since = window.acted, window.since
    frame = samples[samples["agent"].isin({*treated, *controls}) & ~samples["t"].between(acted, since, inclusive="left")].copy()
    frame["treated"] = frame["agent"].isin(set(treated))
    young = frame["t"] - frame["agent"].map(window.restarts).astype(float)
    frame["contaminated"] = young.between(0.0, window.settle)
    frame["t"] -= frame["t"].ge(since).map({True: since, False: acted})
    return frame.reset_index(drop=True)


def _metric_samples(source: Source, metric: ImpactMetric, agents: Sequence[str], start: float, end: float, step: float, rate: str) -> Samples:
    wanted = set(agents)
    frame = source.window(metric.promql(selection(agents), rate), start, end, step)
    weight = metric.weight_promql(selection(agents), rate)
    if weight is None:
        frame = frame.assign(weight=float("nan"))
    else:
        weights = source.window(weight, start, end, step).rename(columns={"value": "weight"})
        frame = frame.merge(weights, on=["agent", "machine", "t"], how="left")
    frame = frame[frame["agent"].isin(wanted)]  # the matchers keep to names and machines, not to their pairs
    return frame.assign(metric=metric.name)[["agent", "machine", "metric", "t", "value", "weight"]]
