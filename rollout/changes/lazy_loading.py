"""Lazy loading: the flag that lets an agent's launcher defer heavy imports, and its effect as the agent admits it (plan.md lines 179-186).

Whether it made anything faster is not read here: that is measured on shadow starts and judged with a bound (docs/decisions/0053).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollout.change import Snapshot
from rollout.changes.environment import EnvironmentChange, is_on
from rollout.observe.witness import Witness

FLAG = "LAZY_IMPORTS"
FEATURE = "lazy_loading"
ON, OFF = "on", "off"


@dataclass(frozen=True)
class LazyLoading(EnvironmentChange):
    """Turns deferral on for agents that run under the launcher; one that does not obey says so by its /health."""

    def objections(self, seen: Witness, since: float) -> Iterator[str]:
        """As for any flag; and /health admits it."""
        yield from super().objections(seen, since)
        yield from _denials(seen, wanted=ON)

    def remains(self, seen: Witness, prior: Snapshot) -> Iterator[str]:
        """As for any flag; and /health says again what it said before."""
        yield from super().remains(seen, prior)
        yield from _denials(seen, wanted=ON if is_on(prior, FLAG) else OFF)

    def row(self, seen: Witness, since: float) -> dict[str, str | float | bool | None]:
        """The frame's row with what the agent says of itself."""
        return super().row(seen, since) | {"health_feature_matches": (seen.health.features or {}).get(FEATURE) == ON}


def _denials(seen: Witness, wanted: str) -> Iterator[str]:
    """What a healthy agent says of its imports, where it is not what is wanted."""
    said = (seen.health.features or {}).get(FEATURE)
    if seen.healthy and said != wanted:
        yield f"/health says that lazy loading is {said or 'unknown to it'}, not {wanted}"
