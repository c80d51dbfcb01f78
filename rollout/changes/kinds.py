"""Which environment keys each kind of change sets."""

from __future__ import annotations

from collections.abc import Mapping

from rollout.changes import metrics
from rollout.changes.feature import DISCOVERY, LAZY_LOADING, Switch
from rollout.plan import ChangeKind

SWITCHES: Mapping[ChangeKind, Switch] = {ChangeKind.LAZY_LOADING: LAZY_LOADING, ChangeKind.DISCOVERY: DISCOVERY}
"""Changes that are a feature which agents admit."""


def wanted_settings(kind: ChangeKind, environment: Mapping[str, str]) -> Mapping[str, str] | None:
    """What it sets in the environment of agents; None for other kinds, such as hubs. environment: what the plan sets."""
    if kind is ChangeKind.METRICS:
        return {metrics.FLAG: "true"}
    if switch := SWITCHES.get(kind):
        return {switch.flag: "true"}
    return environment if kind.planned else None
