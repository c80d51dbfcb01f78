"""A drill's order in the state folder: for a while the exporter says what the alerts wait for, under a label that admits it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rollout.private_folder import private_folder


@dataclass(frozen=True, slots=True)
class DrillOrder:
    """One drill. opened: since when its incident is open and its levels stand, until: when it is over, in Unix seconds.

    It ends by itself, so that a drill whose process died does not ring on.
    """

    name: str
    opened: float
    until: float


class DrillFile:
    """`drill.json` of a site's state folder; one drill at a time."""

    def __init__(self, state: Path) -> None:
        self.file = state / "drill.json"

    def write(self, order: DrillOrder) -> None:
        """Replace the order in one step."""
        private_folder(self.file.parent)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(order)) + "\n", encoding="utf-8")
        fresh.replace(self.file)

    def order(self) -> DrillOrder:
        """The order as written, over or not."""
        return DrillOrder(**json.loads(self.file.read_text(encoding="utf-8")))

    def end(self) -> None:
        """No drill any more."""
        self.file.unlink(missing_ok=True)
