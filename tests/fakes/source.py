"""A metrics source that answers what it is told."""

from __future__ import annotations

import re

import pandas as pd

from rollout.errors import SourceFault
from rollout.observe.frame import Samples

PARTS = re.compile(r'label_replace\((.*?), "part", "(\w+)", "", ""\)')


class ToldSource:
    """Answers queries by their beginning. asked: every query in its order; windows: (start, end, step) of each range query."""

    name = "told"

    def __init__(self) -> None:
        self.instant: dict[str, dict[str, float]] = {}
        self.ranges: dict[str, list[tuple[str, float, float]]] = {}
        self.asked: list[str] = []
        self.windows: list[tuple[float, float, float]] = []
        self.down = False

    def now(self, query: str) -> pd.DataFrame:
        """The values by identity whose key begins the query; empty when there is none."""
        self._ask(query)
        values = next((values for begin, values in self.instant.items() if query.startswith(begin)), {})
        return pd.DataFrame(
            [{"machine": identity.split("/")[0], "agent": identity.split("/")[1], "value": value} for identity, value in values.items()]
        )

    def window(self, query: str, start: float, end: float, step: float) -> Samples:
        """The rows (identity, t, value) whose key begins the query, or each of the parts that it was put together from."""
        self._ask(query)
        self.windows.append((start, end, step))
        asked = {part: inner for inner, part in PARTS.findall(query)} or {"": query}
        rows = [(*row, part) for part, inner in asked.items() for begin, found in self.ranges.items() if inner.startswith(begin) for row in found]
        return pd.DataFrame(
            {
                "agent": [identity for identity, _, _, _ in rows],
                "machine": [identity.split("/")[0] for identity, _, _, _ in rows],
                "part": [part for _, _, _, part in rows],
                "t": [t for _, t, _, _ in rows],
                "value": [value for _, _, value, _ in rows],
            }
        ).astype({"agent": str, "machine": str, "part": str, "t": float, "value": float})

    def _ask(self, query: str) -> None:
        self.asked.append(query)
        if self.down:
            raise SourceFault("told does not answer")
