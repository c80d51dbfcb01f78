"""What a week has done so far, append-only: which day was started as which run, and how it ended. A week that is started again goes on from it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from rollout.errors import InputError


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
        """Add an entry; it is on disk before this returns."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(entry) | {"step": entry.step.value}) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def entries(self) -> list[WeekEntry]:
        """All of them, oldest first. Raises InputError where a line is no entry."""
        if not self.file.exists():
            return []
        text = self.file.read_text(encoding="utf-8")
        lines = text[: text.rfind("\n") + 1].splitlines()  # a torn last line was never acknowledged
        return [self._entry(number, line) for number, line in enumerate(lines, start=1)]

    def runs(self) -> Mapping[int, str]:
        """The run of each day that was started."""
        return {entry.day: entry.run for entry in self.entries() if entry.run}

    def latest(self) -> Mapping[int, WeekEntry]:
        """The last entry of each day."""
        return {entry.day: entry for entry in self.entries()}

    def _entry(self, number: int, line: str) -> WeekEntry:
        try:
            record = json.loads(line)
            return WeekEntry(**record | {"step": WeekStep(record["step"])})
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(self.file, f"line {number}", f"not an entry of a week ({error})") from error
