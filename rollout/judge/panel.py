"""Turns the tidy frame of scrapes into arrays: metric x agent x sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from rollout.judge.policy import JudgePolicy, MetricForm, MetricPolicy
from rollout.judge.robust import Bools, Floats, Ints

Codes = npt.NDArray[np.int32]  # per row; half the memory of Ints, and memory is what reading millions of rows costs

CHUNK = 1 << 16  # rows worked on at a time, so that they stay in the processor's cache

COLUMNS = ("agent", "machine", "metric", "t", "value", "treated")
ERROR_BOUND, ERROR_PROCEED_BOUND = 0.005, 0.01  # half a point, one point (design, item 6)


@dataclass(frozen=True)
class Panel:
    """One batch's samples, dense.

    agents: (A,) names; machines: (machines,) names; machine_of: (A,) index into machines; treated: (A,).
    metrics: (M,) policies. values: (M, A, before + after) as measured, NaN where missing; weights: the same shape or None; ratio: (M,) whether
    the metric is a ratio of counts. dropped: (A, before + after) samples set aside because something else changed.
    before, after: samples on each side; the settle time lies between them and is not kept.
    """

    agents: npt.NDArray[np.object_]
    machines: npt.NDArray[np.object_]
    machine_of: Ints
    treated: Bools
    metrics: tuple[MetricPolicy, ...]
    values: Floats
    weights: Floats | None
    ratio: Bools
    dropped: Bools | None
    before: int
    after: int

    @property
    def blind(self) -> bool:
        """Whether nobody has any sample after settle."""
        return bool(np.isnan(self.values[..., self.before :]).all())

    def until(self, samples: int) -> Panel:
        """The same batch as it looked that many samples after settle; a view, nothing is copied.

        The window before is never longer than the longest window after that has been planned, so looks share their baseline.
        """
        end = self.before + min(samples, self.after)
        return Panel(
            self.agents,
            self.machines,
            self.machine_of,
            self.treated,
            self.metrics,
            self.values[..., :end],
            None if self.weights is None else self.weights[..., :end],
            self.ratio,
            None if self.dropped is None else self.dropped[..., :end],
            self.before,
            end - self.before,
        )


def read_panel(frame: pd.DataFrame, policy: JudgePolicy, samples: int) -> Panel:
    """The frame as a Panel that ends `samples` after settle.

    frame: columns agent, machine, metric, t (seconds from activation), value, treated, optionally weight, contaminated and reset (the
    counter went back, so the value is none). Rows outside the windows, without an agent or of a metric that the policy does not name are
    left out. Raises ValueError if a column is missing.
    """
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing and len(frame):
        raise ValueError(f"the frame lacks {', '.join(missing)}")
    if not len(frame):
        frame = pd.DataFrame({column: [] for column in COLUMNS})
    metric_code, metric_names = _codes(frame["metric"])
    weight = _numbers(frame, "weight") if "weight" in frame.columns else None
    metrics = policy.metrics or _default_metrics(metric_code, metric_names, weight)
    row_metric = _positions(metric_names, metrics)[metric_code]
    agent_of_row, agents, machines, machine_of = _identities(frame)
    known = agent_of_row >= 0
    treated = np.zeros(len(agents), dtype=bool)
    treated[agent_of_row[known & _flags(frame["treated"])]] = True

    before = min(policy.before, policy.after)
    width = before + samples
    series = row_metric * np.int32(len(agents)) + agent_of_row
    series[(row_metric < 0) | ~known] = -1
    slot = _slots(_numbers(frame, "t"), series, len(agents) * len(metrics), policy)
    kept = (series >= 0) & (slot >= 0) & (slot < width)
    if "reset" in frame.columns:
        kept &= ~_flags(frame["reset"])
    cell = series[kept].astype(np.intp) * width + slot[kept]
    shape = (len(metrics), len(agents), width)
    values = _scatter(cell, _numbers(frame, "value")[kept], shape)
    weights = None if weight is None else _scatter(cell, weight[kept], shape)
    dropped = None
    if "contaminated" in frame.columns:
        foreign = kept & _flags(frame["contaminated"])
        dropped = np.zeros(shape[1:], dtype=bool)
        dropped[agent_of_row[foreign], slot[foreign]] = True
        values[:, dropped] = np.nan
    ratio = np.zeros(len(metrics), dtype=bool) if weights is None else np.asarray((weights > 0).any(axis=(1, 2)))
    return Panel(agents, machines, machine_of, treated, metrics, values, weights, ratio, dropped, before, samples)


def _codes(column: pd.Series) -> tuple[Codes, npt.NDArray[np.object_]]:
    """Integer codes (rows,) and names; -1 marks a missing name."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.int32), column.cat.categories.to_numpy(dtype=object)
    codes, names = pd.factorize(column)
    return codes.astype(np.int32), np.asarray(names, dtype=object)


def _numbers(frame: pd.DataFrame, column: str) -> Floats:
    """The column as floats (rows,); what is missing or infinite is NaN."""
    numbers = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    finite = np.isfinite(numbers)
    return numbers if finite.all() else np.where(finite, numbers, np.nan)


def _flags(column: pd.Series) -> Bools:
    """The column as booleans (rows,); what is missing is False."""
    return column.to_numpy() if column.dtype == np.bool_ else column.fillna(value=False).to_numpy(dtype=bool)


def _default_metrics(code: Codes, names: npt.NDArray[np.object_], weight: Floats | None) -> tuple[MetricPolicy, ...]:
    """Every metric of the frame with the bounds of the plan: 2 % and 5 %, or half a point and one point where rows carry a weight."""
    present = np.bincount(code[code >= 0], minlength=len(names)) > 0
    counted = np.zeros(len(names), dtype=bool)
    if weight is not None:
        counted[code[(code >= 0) & (weight > 0)]] = True
    return tuple(
        MetricPolicy(str(names[at]), MetricForm.ABSOLUTE, ERROR_BOUND, ERROR_PROCEED_BOUND, unit="ratio")
        if counted[at]
        else MetricPolicy(str(names[at]))
        for at in sorted(np.flatnonzero(present), key=lambda at: str(names[at]))
    )


def _positions(names: npt.NDArray[np.object_], metrics: tuple[MetricPolicy, ...]) -> Codes:
    """Index of each name among the policy's metrics (names + 1,); -1 for a stranger and for the missing name at the end."""
    place = {metric.name: at for at, metric in enumerate(metrics)}
    return np.array([place.get(str(name), -1) for name in names] + [-1], dtype=np.int32)


def _identities(frame: pd.DataFrame) -> tuple[Codes, npt.NDArray[np.object_], npt.NDArray[np.object_], Ints]:
    """Agents by machine and name, since both machines have an ObservabilityHub.

    Returns agent index per row (-1: none), names (A,), machine names and machine index per agent (A,). Agents are in order of their
    names, so the order of rows cannot matter. A name that stands on two machines is shown as machine/name.
    """
    agent_code, agent_names = _codes(frame["agent"])
    machine_code, machine_names = _codes(frame["machine"])
    narrow = len(agent_names) * len(machine_names) < np.iinfo(np.int32).max
    pair = machine_code * (np.int32 if narrow else np.int64)(len(agent_names)) + agent_code
    pair[(agent_code < 0) | (machine_code < 0)] = -1
    present = np.zeros(len(agent_names) * len(machine_names) + 1, dtype=bool)
    present[pair] = True
    pairs = np.flatnonzero(present[:-1])
    machine_of, agent_of = np.divmod(pairs, max(len(agent_names), 1))
    twice = np.bincount(agent_of, minlength=len(agent_names)) > 1
    names = np.array(
        [f"{machine_names[m]}/{agent_names[a]}" if twice[a] else str(agent_names[a]) for m, a in zip(machine_of, agent_of, strict=True)], dtype=object
    )
    order = np.argsort(names, kind="stable")
    index = np.full(len(present), -1, dtype=np.int32)
    index[pairs[order]] = np.arange(len(pairs))
    return index[pair], names[order], machine_names, machine_of[order].astype(np.intp)


def _slots(t: Floats, series: Codes, count: int, policy: JudgePolicy) -> Codes:
    """Sample number of each row, counted so that before and after are contiguous; -1 outside (rows,).

    Scrapes jitter: a series has the phase of its first sample, and its other samples fall on the nearest step of that grid. A sample from
    before the activation is never counted as after it, nor the reverse.
    """
    first = np.full(count + 1, np.inf)
    np.fmin.at(first, series, t)
    phase = np.mod(np.where(np.isfinite(first), first, 0.0), policy.scrape_interval)
    slot = np.empty(len(t), dtype=np.int32)
    for start in range(0, len(t), CHUNK):
        part = slice(start, start + CHUNK)
        slot[part] = _slots_of(t[part], phase[series[part]], policy)
    return slot


def _slots_of(t: Floats, phase: Floats, policy: JudgePolicy) -> Floats:
    """Sample number of some rows whose series' phases are known (rows,)."""
    step = np.rint((t - phase) / policy.scrape_interval)
    late = t >= 0
    step = np.where(late, np.maximum(step, 0.0), np.minimum(step, -1.0))
    slot = step + min(policy.before, policy.after) - policy.settle * late
    slot[(late & (step < policy.settle)) | ~(slot >= 0)] = -1.0
    return np.asarray(np.minimum(slot, float(np.iinfo(np.int32).max)))


def _scatter(cell: Ints, numbers: Floats, shape: tuple[int, ...]) -> Floats:
    """Numbers at their cells, NaN elsewhere; of two samples in one cell the later row stays."""
    flat = np.full(int(np.prod(shape)), np.nan)
    flat[cell] = numbers
    return flat.reshape(shape)
