"""A feature that an agent's flag turns on and that its /health admits: lazy imports, and dependencies found by name.

Whether lazy imports made anything faster is not read here: that is measured on shadow starts and judged with a bound (docs/decisions/0053).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollout.change import Snapshot
from rollout.changes.environment import EnvironmentChange, is_on
from rollout.observe.witness import Witness

ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class Switch:
    """flag: the environment key; name: what /health calls the feature."""

    flag: str
    name: str


LAZY_LOADING = Switch("LAZY_IMPORTS", "lazy_loading")
"""The launcher defers heavy imports (plan.md lines 179-186)."""
DISCOVERY = Switch("DISCOVER_DEPENDENCIES", "discovery")
"""The agent asks the registry for what it depends on (plan.md lines 272-277)."""


@dataclass(frozen=True)
class Feature(EnvironmentChange):
    """Turns a feature on in agents that have it; one that does not obey says so by its /health."""

    switch: Switch

    def objections(self, seen: Witness, since: float) -> Iterator[str]:
        """As for any flag; and /health admits it."""
        yield from super().objections(seen, since)
        yield from self._denials(seen, wanted=ON)

    def remains(self, seen: Witness, prior: Snapshot) -> Iterator[str]:
        """As for any flag; and /health says again what it said before."""
        yield from super().remains(seen, prior)
        yield from self._denials(seen, wanted=ON if is_on(prior, self.switch.flag) else OFF)

    def row(self, seen: Witness, since: float) -> dict[str, str | float | bool | None]:
        """The frame's row with what the agent says of itself."""
        return super().row(seen, since) | {"health_feature_matches": self._said(seen) == ON}

    def _denials(self, seen: Witness, wanted: str) -> Iterator[str]:
        """What a healthy agent says of the feature, where it is not what is wanted."""
        said = self._said(seen)
        if seen.healthy and said != wanted:
            yield f"/health says that {self.switch.name} is {said or 'unknown to it'}, not {wanted}"

    def _said(self, seen: Witness) -> str | None:
        return (seen.health.features or {}).get(self.switch.name)
