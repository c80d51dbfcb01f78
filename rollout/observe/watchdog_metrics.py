"""What a watchdog tells Prometheus of itself; every name begins with rollout_watchdog_."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rollout.failover import Act, Answer, Standing, Watch


class Transition(Enum):
    """What is counted when it happens."""

    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    HUB_LOST = "hub_lost"
    HUB_FOUND = "hub_found"


@dataclass(frozen=True, slots=True)
class Checked:
    """One check and what came of it.

    targets: taken over now; unproven: due for hand-back and not seen at the peer, None when that was not asked or not told.
    """

    watch: Watch
    peer: Answer
    targets: int
    unproven: int | None
    unusable: tuple[str, ...]
    at: float


@dataclass(slots=True)
class Facts:
    """Written by the loop, read by the scrapes. detection: seconds from the peer's last answer to the last takeover."""

    last: Checked | None = None
    detection: float | None = None
    act_failures: int = 0
    transitions: Counter[Transition] = field(default_factory=Counter)

    def count(self, before: Watch, after: Watch, act: Act) -> None:
        """Count what has happened from one check to the next."""
        if act is Act.TAKE_OVER:
            self.transitions[Transition.TAKE_OVER] += 1
        if act is Act.HAND_BACK:
            self.transitions[Transition.HAND_BACK] += 1
        if before.hub_up and not after.hub_up:
            self.transitions[Transition.HUB_LOST] += 1
        if after.hub_up and not before.hub_up:
            self.transitions[Transition.HUB_FOUND] += 1


class WatchdogMetrics(Collector):
    """The facts at each scrape; before the first check only the counters."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """One family per fact; `state` is 1 for the present one and 0 for all others."""
        transitions = CounterMetricFamily("rollout_watchdog_transitions", "Takeovers, hand-backs, own hub lost and found.", labels=["kind"])
        for kind in Transition:
            transitions.add_metric([kind.value], self._facts.transitions[kind])
        yield transitions
        yield CounterMetricFamily(
            "rollout_watchdog_act_failures", "Acts on the takeover folder that failed and are tried again.", self._facts.act_failures
        )
        if self._facts.detection is not None:
            yield _gauge("detection_seconds", "From the peer's last answer to the last takeover.", self._facts.detection)
        if self._facts.last is not None:
            yield from _of_check(self._facts.last)


def _of_check(last: Checked) -> Iterator[Metric]:
    state = GaugeMetricFamily("rollout_watchdog_state", "How the watchdog stands.", labels=["state"])
    for standing in Standing:
        state.add_metric([standing.value], standing is last.watch.standing)
    yield state
    yield _gauge("peer_up", "The peer was ready at the last check.", last.peer is Answer.READY)
    yield _gauge(
        "peer_refused",
        "The peer answered the last check with neither ready nor not ready, such as 401: see to the credentials.",
        last.peer is Answer.REFUSED,
    )
    yield _gauge("hub_up", "The own hub answered the last check and was not unready.", last.watch.hub_up)
    yield _gauge("taken_over_targets", "Targets of the peer in the takeover folder.", last.targets)
    yield _gauge("setbacks", "Hand-backs in a row that came too early; each doubles the wait before the next.", last.watch.setbacks)
    yield _gauge("unusable_standby_files", "Files of the standby folder that are no file_sd.", len(last.unusable))
    yield _gauge("last_check_timestamp_seconds", "Unix seconds of the last check whose act succeeded.", last.at)
    if last.unproven is not None:
        yield _gauge("unproven_targets", "Due to be given back and not seen to be scraped by the peer.", last.unproven)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"rollout_watchdog_{name}", text, value)
