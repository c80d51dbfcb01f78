"""The open incident: what escalation counts its minutes from (plan.md lines 395-399).

One file per state folder, only ever added to, so that an incident's age survives a restart of everything. At most one is open.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.alert import Alert, AlertLevel
from rollout.journal import Journal
from rollout.plan import Alerting
from rollout.rollbacks import Rollback


class IncidentStep(Enum):
    """What becomes of an incident."""

    OPENED = "opened"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class IncidentEntry:
    """One line. at: Unix seconds, of an opening those of the trouble's begin; run: whose rollback it is, empty for an alert level."""

    at: float
    incident: str
    step: IncidentStep
    level: AlertLevel
    run: str
    cause: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the next step follows from. now, since: Unix seconds; since: from when on the alert is what it is, ORANGE and RED being one.

    rollback: the last one of the run that holds the fleet.
    """

    now: float
    alert: Alert
    since: float
    run: str = ""
    rollback: Rollback | None = None


def next_step(last: IncidentEntry | None, seen: Seen, alerting: Alerting) -> IncidentEntry | None:
    """The entry that is due, if any; last: the newest in the file.

    A rollback opens an incident at once, a level of ORANGE or RED when it has stood its time. It is closed when the run is settled and all has
    been GREEN for a while; YELLOW neither opens nor closes.
    """
    if last is not None and last.step is IncidentStep.OPENED:
        going_on = seen.rollback is not None and seen.rollback.settled is None
        well = seen.alert.level is AlertLevel.GREEN and seen.now - max(seen.since, last.at) >= alerting.closes_after
        return (
            None if going_on or not well else IncidentEntry(seen.now, last.incident, IncidentStep.CLOSED, AlertLevel.GREEN, last.run, "all is well")
        )
    closed_at = last.at if last else 0.0
    if seen.rollback is not None and seen.rollback.began > closed_at and _recent(seen.rollback, seen.now, alerting):
        return _opened(seen.rollback.began, seen, f"rollback: {seen.rollback.cause}", seen.run)
    if seen.alert.level >= AlertLevel.ORANGE and seen.now - seen.since >= alerting.levels.of(seen.alert.level):
        return _opened(max(seen.since, closed_at), seen, "; ".join(seen.alert.reasons), "")
    return None


def _recent(rollback: Rollback, now: float, alerting: Alerting) -> bool:
    """One that was over between two looks is told all the same; one from before anybody looked is history."""
    return rollback.settled is None or now - rollback.settled < alerting.closes_after


def _opened(at: float, seen: Seen, cause: str, run: str) -> IncidentEntry:
    name = datetime.fromtimestamp(at, UTC).strftime("incident-%Y%m%d-%H%M%S")
    return IncidentEntry(at, name, IncidentStep.OPENED, seen.alert.level, run, cause)


class IncidentFile:
    """`incidents.jsonl` of a site's state folder."""

    def __init__(self, state: Path) -> None:
        self.file = state / "incidents.jsonl"

    def append(self, entry: IncidentEntry) -> None:
        """Add an entry; it is on disk before this returns. Raises OSError."""
        Journal(self.file).append(asdict(entry) | {"step": entry.step.value, "level": entry.level.name})

    def entries(self) -> list[IncidentEntry]:
        """All of them, oldest first. Raises InputError where a line is no entry."""
        return Journal(self.file).read(_entry_of, "an incident's entry")

    def last(self) -> IncidentEntry | None:
        """The newest entry."""
        entries = self.entries()
        return entries[-1] if entries else None

    def open(self) -> IncidentEntry | None:
        """The opening of the incident that is open now."""
        last = self.last()
        return last if last is not None and last.step is IncidentStep.OPENED else None


def _entry_of(record: Any) -> IncidentEntry:  # noqa: ANN401 (a line's JSON)
    return IncidentEntry(**record | {"step": IncidentStep(record["step"]), "level": AlertLevel[record["level"]]})
