"""Counts of a level while it runs, in the generator's own process."""

from __future__ import annotations

from rollout.load.histogram import Histogram
from rollout.load.measured import Ending, ErrorKind, Measured, TargetMeasured
from rollout.load.order import Order
from rollout.load.schedule import Schedule
from rollout.plan.load import StopConditions


class Tally:
    """Everything that one level counts; told of each request when it is sent and when it has ended."""

    def __init__(self, order: Order, schedule: Schedule) -> None:
        self._order = order
        self._scheduled = [0] * len(order.targets)
        for target in schedule.target.tolist():
            self._scheduled[target] += 1
        self._sent = [0] * len(order.targets)
        self._errors: list[dict[ErrorKind, int]] = [{} for _ in order.targets]
        self._latency = [Histogram() for _ in order.targets]
        self._runs = [Histogram() for _ in range(order.runs)]
        self._lag = Histogram()
        self._recent = _Recent(order.stop)

    def sent(self, target: int, lag: float) -> None:
        """One request leaves, that many seconds after it was due."""
        self._sent[target] += 1
        self._lag.record(lag)

    def ended(self, target: int, due: float, latency: float, error: ErrorKind | None) -> None:
        """One request has ended. due: seconds from the level's start; latency: seconds since it was due."""
        if error is not None:
            self._errors[target][error] = self._errors[target].get(error, 0) + 1
        if error in (None, ErrorKind.TIMEOUT):
            self._latency[target].record(latency)
            run = int(due / self._order.seconds * len(self._runs))
            self._runs[min(run, len(self._runs) - 1)].record(latency)
        self._recent.ended(latency, error)

    @property
    def broken(self) -> tuple[Ending, str] | None:
        """The stop condition that has been met, and what was seen; None while none has."""
        return self._recent.broken

    def measured(self, began: float, ended: float, ending: Ending, reason: str) -> Measured:
        """All of it. began, ended: Unix seconds."""
        targets = zip(self._order.targets, self._scheduled, self._sent, self._errors, self._latency, strict=True)
        return Measured(
            level=self._order.level,
            began=began,
            ended=ended,
            seconds=self._order.seconds,
            lag=self._lag.counts,
            runs=tuple(run.counts for run in self._runs),
            targets=tuple(
                TargetMeasured(agent=target.agent, scheduled=scheduled, sent=sent, errors=errors, latency=latency.counts)
                for target, scheduled, sent, errors, latency in targets
            ),
            ending=ending,
            reason=reason,
        )


class _Recent:
    """The last so many requests that have ended, against the conditions that end a level."""

    def __init__(self, stop: StopConditions) -> None:
        self._stop = stop
        self._latency = Histogram()
        self._ended = 0
        self._failed = 0
        self.broken: tuple[Ending, str] | None = None

    def ended(self, latency: float, error: ErrorKind | None) -> None:
        self._ended += 1
        self._failed += error is not None
        if error in (None, ErrorKind.TIMEOUT):
            self._latency.record(latency)
        if self._ended >= self._stop.requests:
            self.broken = self.broken or self._looked()
            self._latency, self._ended, self._failed = Histogram(), 0, 0

    def _looked(self) -> tuple[Ending, str] | None:
        ratio, slowest = self._failed / self._ended, self._latency.percentile(0.99)
        if ratio > self._stop.error_ratio:
            return Ending.ERRORS, f"{self._failed} of {self._ended} requests failed, more than {self._stop.error_ratio:.3g} of them"
        if slowest is not None and slowest > self._stop.latency:
            return Ending.LATENCY, f"the 99th percentile of {self._ended} requests was {slowest:.3g} s, more than {self._stop.latency:g} s"
        return None
