"""The alerting drill: every level and every tier rings once, end to end, and is over again (plan.md lines 283, 388-399).

Played by the state exporter under the label drill, so that rules, routes and receivers are the real ones and nothing of the fleet is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rollout.alert import AlertLevel
from rollout.alerting.drill_order import DrillFile, DrillOrder
from rollout.alerting.rules import DRILL, level_alert, tier_alert, tier_seconds
from rollout.clock import Clock, Deadline, wait_until
from rollout.plan import Plan
from rollout.services.alertmanager import Alerts

LOOK = 1.0
"""Seconds between two looks at what rings."""
SLACK = 60.0
"""Seconds for scrapes, evaluations and messages on top of what the plan makes an alert wait."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One alert of a drill. after: seconds from the drill's begin until it was first seen, None for never; receivers: who was told."""

    after: float | None
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill showed. began, ended: Unix seconds; rung: by alert; left: alerts that still rang when they should have been over."""

    name: str
    began: float
    ended: float
    rung: dict[str, Rung]
    left: tuple[str, ...]


def drill(alerts: Alerts, file: DrillFile, plan: Plan, clock: Clock) -> Drilled:
    """Order the drill, watch until all has rung, end it, watch until all is quiet. Raises SourceFault; the order is taken back whatever happens."""
    began = clock.now()
    wanted = {level_alert(level): plan.alerting.levels.of(level) for level in AlertLevel}
    wanted |= {tier_alert(row): tier_seconds(row, plan.pace) for row in plan.escalation}
    patience = max(wanted.values()) + SLACK
    order = DrillOrder(datetime.fromtimestamp(began, UTC).strftime("drill-%Y%m%d-%H%M%S"), began, began + patience)
    seen: dict[str, Rung] = {}

    def look() -> set[str]:
        """What of the drill rings now."""
        ringing = {alert.name: alert for alert in alerts.firing() if alert.labels.get(DRILL) == "yes"}
        for name, alert in ringing.items():
            seen.setdefault(name, Rung(clock.now() - began, alert.receivers))
        return set(ringing)

    file.write(order)
    try:
        wait_until(lambda: (look() and seen.keys() >= wanted.keys()) or None, Deadline.after(clock, patience), LOOK)
    finally:
        file.end()
    left = _until_quiet(look, Deadline.after(clock, SLACK))
    return Drilled(order.name, began, clock.now(), {name: seen.get(name, Rung(None)) for name in wanted}, tuple(sorted(left)))


def _until_quiet(look: Callable[[], set[str]], deadline: Deadline) -> set[str]:
    """What still rings at the deadline."""
    wait_until(lambda: not look() or None, deadline, LOOK)
    return look()
