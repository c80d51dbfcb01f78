"""Whether a text is a whole and valid exposition, by prometheus_client's own parser."""

from __future__ import annotations

import math
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Exposition:
    """A parsed /metrics answer. families: how many metric families; defect: why it is no valid exposition, empty if it is."""

    families: int
    defect: str = ""

    @property
    def valid(self) -> bool:
        """Whether it parsed to its end and holds at least one family."""
        return not self.defect and self.families > 0


def read_exposition(text: str) -> Exposition:
    """Parse the text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats); never raises.

    A text that does not end in a line feed was cut off on its way: the parser would accept half a number.
    """
    if not text.endswith("\n"):
        return Exposition(0, "the text is cut off: it does not end with a line feed")
    families = 0
    try:
        for family in text_string_to_metric_families(text):
            families += 1
            if family.type != "gauge" and any(math.isnan(sample.value) for sample in family.samples if not sample.name.endswith("_sum")):
                return Exposition(families, f"{family.name} counts NaN")
            if family.type == "histogram" and (defect := _histogram_defect(family.name, text)):
                return Exposition(families, defect)
    except (ValueError, KeyError, IndexError) as error:
        return Exposition(families, f"not an exposition: {error}")
    return Exposition(families, "" if families else "no metric family")


def _histogram_defect(name: str, text: str) -> str:
    """A histogram that lost its last lines lacks its _count: the sign of a text cut at a line's end."""
    return "" if f"\n{name}_count" in f"\n{text}" else f"histogram {name} has no count: the text is cut off"
