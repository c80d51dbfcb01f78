"""What a week has done so far, append-only: which day was started as which run, and how it ended. A week that is started again goes on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.journal import Journal


class WeekStep(Enum):
    """What may happen to a day in a week."""

    STARTED = "started"
    ENDED = "ended"
    NOT_STARTED = "not started"
    NOT_BUILT = "not built"


@dataclass(frozen=True, slots=True)
class WeekEntry:
    """One line. at: Unix seconds; run: the day's run, empty where there is none; said: how it ended, or why it was not started."""

    at: float
    day: int
    step: WeekStep
    run: str
    said: str


class WeekFile:
    """`weeks/WEEK.jsonl` of a site's state folder."""

    def __init__(self, state: Path, week: str) -> None:
        self.file = state / "weeks" / f"{week}.jsonl"

    def append(self, entry: WeekEntry) -> None:
        """Add an entry; it is on disk before this returns. Raises OSError."""
        Journal(self.file).append(asdict(entry) | {"step": entry.step.value})

    def entries(self) -> list[WeekEntry]:
        """All of them, oldest first. Raises InputError where a line is no entry."""
        return Journal(self.file).read(_entry_of, "an entry of a week")

    def runs(self) -> Mapping[int, str]:
        """The run of each day that was started."""
        return {entry.day: entry.run for entry in self.entries() if entry.run}

    def latest(self) -> Mapping[int, WeekEntry]:
        """The last entry of each day."""
        return {entry.day: entry for entry in self.entries()}


def _entry_of(record: Any) -> WeekEntry:  # noqa: ANN401 (a line's JSON)
    return WeekEntry(**record | {"step": WeekStep(record["step"])})
