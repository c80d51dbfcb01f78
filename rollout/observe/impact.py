"""What the change may cost, as frames for the judge: the plan's impact metrics over one window, changed agents beside unchanged ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd

from rollout.observe.frame import PART, Samples, selection
from rollout.observe.prometheus import Source
from rollout.plan import ImpactMetric

AT_ONCE = 8
"""Questions that a source is asked side by side: it takes longer over each than the judge over all answers, and may itself have few cores."""
VALUE, WEIGHT = "value", "weight"
"""What the answers to a metric with a weight are told apart by."""
NO_SAMPLES = pd.DataFrame({"agent": [], "machine": [], "metric": [], "t": [], "value": [], "weight": []}).astype(
    {"agent": object, "machine": object, "metric": object}
)
"""What a day without impact metrics is judged on."""


def impact_samples(
    source: Source, metrics: Sequence[ImpactMetric], agents: Sequence[str], start: float, end: float, step: float, rate: float
) -> Samples:
    """One row per agent, metric and scrape: agent, machine, metric, t (Unix seconds), value, weight (NaN where the metric has none).

    step: seconds between two rows, the scrape interval; rate: seconds that $rate looks back. One query per metric with its weight, not one per
    agent, some side by side. Raises SourceFault.
    """
    if not metrics:
        return NO_SAMPLES.copy()
    selector, back = selection(agents), f"{rate:g}s"
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="impact") as pool:
        answers = [pool.submit(source.window, _query(metric, selector, back), start, end, step) for metric in metrics]
        frames = [_of_metric(metric, answer.result()) for metric, answer in zip(metrics, answers, strict=True)]
    samples = pd.concat(frames, ignore_index=True)
    return samples[samples["agent"].isin(set(agents))].reset_index(drop=True)  # the matchers keep to names and machines, not to their pairs


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


def _query(metric: ImpactMetric, selector: str, back: str) -> str:
    """The metric's query, or one that answers both it and its weight."""
    value, weight = metric.promql(selector, back), metric.weight_promql(selector, back)
    return value if weight is None else f"{_as_part(value, VALUE)} or {_as_part(weight, WEIGHT)}"


def _as_part(query: str, part: str) -> str:
    """The query with a label on its answers that tells them from another's."""
    return f'label_replace({query}, "{PART}", "{part}", "", "")'


def _of_metric(metric: ImpactMetric, answer: Samples) -> Samples:
    """The answer as rows of that metric; a weight that is missing at a scrape is missing."""
    if metric.weight is None:
        frame = answer.assign(weight=float("nan"))
    else:
        weights = answer.loc[answer[PART] == WEIGHT, ["agent", "t", "value"]].rename(columns={"value": "weight"})
        frame = answer[answer[PART] == VALUE].merge(weights, on=["agent", "t"], how="left")
    return frame.assign(metric=metric.name)[["agent", "machine", "metric", "t", "value", "weight"]]
