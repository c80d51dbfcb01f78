"""What an existing Prometheus has to offer a rollout: its targets, and metrics from which an impact can be told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from rollout.clock import Clock
from rollout.errors import SourceFault
from rollout.judge.policy import JudgePolicy, MetricPolicy
from rollout.judge.power import MetricPower
from rollout.judge.quiet import plan_power
from rollout.judge_policy import FORMS
from rollout.observe.impact import impact_samples
from rollout.observe.prometheus import Prometheus
from rollout.plan import ImpactForm, ImpactMetric

TIMEOUT = 10.0
"""Seconds for one answer."""
BY = "sum by (machine, agent) "
FOLDER = re.compile(r"^\s*-\s*(?P<folder>/\S+)/[^/\s]+\.(?:json|ya?ml)\s*$", re.MULTILINE)
"""A file_sd pattern in a Prometheus configuration, as the server prints it."""
FEWEST = 4
"""Samples in one of the two windows, below which a spread says nothing."""


@dataclass(frozen=True, slots=True)
class FoundPrometheus:
    """url: as given; up, targets: targets that are up, and all; interval: its shortest scrape interval in seconds; folder: of its file_sd, if any.

    series: names of those that carry the labels machine and agent.
    """

    url: str
    up: int
    targets: int
    interval: float
    folder: Path | None
    series: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An impact metric with what a batch could find by it. power: None where the data are too few; reason: why."""

    metric: ImpactMetric
    power: MetricPower | None
    reason: str


def ask(url: str) -> FoundPrometheus:
    """Targets, scrape interval, file_sd folder and the names of all series that carry the labels machine and agent. Raises SourceFault."""
    active: list[dict[str, Any]] = _get(url, "targets?state=active")["activeTargets"]
    configuration = str(_get(url, "status/config")["yaml"])
    found = _get(url, 'query?query=count by (__name__) ({machine!="",agent!=""})')["result"]
    folder = FOLDER.search(configuration)
    return FoundPrometheus(
        url=url,
        up=sum(target["health"] == "up" for target in active),
        targets=len(active),
        interval=min((_seconds(target["scrapeInterval"]) for target in active), default=15.0),
        folder=Path(folder["folder"]) if folder else None,
        series=tuple(sorted(series["metric"]["__name__"] for series in found)),
    )


def impact_metrics(series: Sequence[str]) -> tuple[ImpactMetric, ...]:
    """Metrics by the usual names of latency, CPU, memory and errors; bounds are the plan's of week three, for a person to set."""
    names = set(series)
    found: list[ImpactMetric] = []
    for name in sorted(names):
        stem = name.removesuffix("_sum")
        if name.endswith("_seconds_sum") and f"{stem}_count" in names:
            query = f"{BY}(rate({stem}_sum{{$selector}}[$rate])) / {BY}(rate({stem}_count{{$selector}}[$rate]))"
            found.append(_metric(f"latency_{stem}", ImpactForm.RELATIVE, (0.02, 0.05), "s", query))
        elif name.endswith("cpu_seconds_total"):
            query = f"{BY}(rate({name}{{$selector}}[$rate]))"
            found.append(_metric(f"cpu_{name}", ImpactForm.RELATIVE, (0.02, 0.05), "cores", query))
        elif re.search(r"resident(_memory)?_bytes$", name):
            query = f"{BY}(last_over_time({name}{{$selector}}[$rate])) / 1048576"
            found.append(_metric(f"memory_{name}", ImpactForm.ABSOLUTE, (8, 16), "MiB", query))
        elif name.endswith("_errors_total") and (requests := f"{name.removesuffix('_errors_total')}_requests_total") in names:
            query = f"{BY}(rate({name}{{$selector}}[$rate])) / {BY}(rate({requests}{{$selector}}[$rate]))"
            weight = f"{BY}(increase({requests}{{$selector}}[$rate]))"
            found.append(_metric(f"errors_{name}", ImpactForm.ABSOLUTE, (0.005, 0.01), "share of requests", query, weight))
    return tuple(found)


def candidates(found: FoundPrometheus, metrics: Sequence[ImpactMetric], agents: Sequence[str], hours: float, clock: Clock) -> tuple[Candidate, ...]:
    """Each metric with its minimum detectable effect, from the last hours cut into two windows in which nothing was rolled out."""
    source = Prometheus("adopted", found.url, clock, found.interval, TIMEOUT)
    end = clock.now()
    return tuple(_candidate(source, metric, agents, (end - 3600 * hours, end), found.interval) for metric in metrics)


def _candidate(source: Prometheus, metric: ImpactMetric, agents: Sequence[str], window: tuple[float, float], interval: float) -> Candidate:
    step = max(interval, (window[1] - window[0]) / 2000)
    try:
        samples = impact_samples(source, [metric], agents, *window, step, max(4 * interval, step))
    except SourceFault as fault:
        return Candidate(metric, None, str(fault))
    if samples.empty:
        return Candidate(metric, None, "no agent of this fleet has it")
    return _power(metric, samples, len(set(samples["agent"])), step)


def _power(metric: ImpactMetric, samples: pd.DataFrame, agents: int, step: float) -> Candidate:
    """The power of a batch of a tenth of these agents, ten at the most, beside the others."""
    first, last = float(samples["t"].min()), float(samples["t"].max())
    half = int((last - first) / step + 1.5) // 2
    if half < FEWEST:
        return Candidate(metric, None, f"only {half} samples in each half of the window")
    treated = min(10, max(1, agents // 4))
    policy = JudgePolicy(
        metrics=(MetricPolicy(metric.name, FORMS[metric.form], metric.bound, metric.proceed_bound, unit=metric.unit),),
        settle=0, before=half, after=half, looks=(half,), extension=0, min_controls=2, scrape_interval=step,
    )  # fmt: skip
    quiet = samples.assign(t=samples["t"] - first - (half - 0.5) * step, treated=False)
    known = plan_power(quiet, policy, treated, max(1, agents - treated))
    return Candidate(metric, known[0] if known else None, "" if known else f"too few of its {agents} agents have enough samples beside each other")


def _metric(name: str, form: ImpactForm, bounds: tuple[float, float], unit: str, query: str, weight: str | None = None) -> ImpactMetric:
    plain = re.sub(r"[^a-z0-9_]", "_", name.lower())
    return ImpactMetric(
        name=plain, form=form, bound=bounds[0], proceed_bound=bounds[1], unit=unit, query=query, weight=weight, measured_by="adopted Prometheus"
    )


def _get(url: str, path: str) -> Any:  # noqa: ANN401 (decoded JSON)
    """One answer of the HTTP API. Raises SourceFault."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/v1/{path}", timeout=TIMEOUT, trust_env=False)
        return answer.raise_for_status().json()["data"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        raise SourceFault(f"{url} does not answer as a Prometheus: {str(error).splitlines()[0]}") from error


def _seconds(duration: str) -> float:
    """A Prometheus duration such as 15s or 1m30s, in seconds."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", duration))
