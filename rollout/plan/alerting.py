"""How alerts are told: how long something must stand before it is, and how often it is repeated."""

from __future__ import annotations

from rollout.alert import AlertLevel
from rollout.document import Document
from rollout.plan.day import Seconds


class LevelDelays(Document):
    """Seconds for which each alert level must stand before it is told."""

    green: Seconds
    yellow: Seconds
    orange: Seconds
    red: Seconds

    def of(self, level: AlertLevel) -> float:
        """The delay of that level."""
        return {AlertLevel.GREEN: self.green, AlertLevel.YELLOW: self.yellow, AlertLevel.ORANGE: self.orange, AlertLevel.RED: self.red}[level]


class Alerting(Document):
    """Seconds, all of them.

    agent_unwell: until a single agent that is not seen well is told; group_wait, group_interval, repeat: as Alertmanager has them
    (prometheus.io/docs/alerting/latest/configuration); acknowledged_for: how long an acknowledgement keeps an incident quiet;
    closes_after: how long all must be well before an incident is closed.
    """

    agent_unwell: Seconds
    levels: LevelDelays
    group_wait: Seconds
    group_interval: Seconds
    repeat: Seconds
    acknowledged_for: Seconds
    closes_after: Seconds
