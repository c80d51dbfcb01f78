"""The state folder as it stands: who holds the fleet, that run's ledger and judgements, what people said, the incident. Read only.

A file that cannot be read hides nothing else: it is named, and what it holds is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rollout.alerting.drill_order import DrillFile, DrillOrder
from rollout.audit import AuditEntry, AuditFile
from rollout.clock import Clock
from rollout.errors import RolloutError
from rollout.incident import IncidentEntry, IncidentFile
from rollout.judgement_file import JUDGEMENTS, StoredJudgements, read_judgements
from rollout.ledger import Ledger
from rollout.ownership import Claim, Ownership
from rollout.report import DayReport
from rollout.report_file import JSON, read_report

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """One reading. Of the last run that claimed the fleet: ledger, report, judgements; None where there is none or it cannot be read.

    readable: file to whether it could be read, of those that exist.
    """

    claim: Claim | None
    ledger: Ledger | None
    report: DayReport | None
    judgements: StoredJudgements | None
    audit: tuple[AuditEntry, ...]
    incidents: tuple[IncidentEntry, ...]
    drill: DrillOrder | None
    readable: dict[str, bool] = field(default_factory=dict)


class StateFolder:
    """Reads a site's state folder; what has not changed on disk since the last reading is not parsed again."""

    def __init__(self, state: Path, fleet: str, clock: Clock) -> None:
        self._state = state
        self._fleet = fleet
        self._clock = clock
        self._known: dict[Path, tuple[tuple[int, int], Any]] = {}

    def read(self) -> State:
        """Everything as it is now; never raises for what a file holds."""
        readable: dict[str, bool] = {}
        ownership = Ownership(self._state / "fleets", self._fleet, self._clock)
        claim = self._read(self._state / "fleets" / f"{self._fleet}.json", lambda _: ownership.holder(), readable)
        ledger = report = judgements = None
        if claim is not None:
            folder = self._state / "reports" / claim.run
            ledger = self._read(self._state / "runs" / claim.run / "ledger.jsonl", lambda file: Ledger(file, self._clock), readable)
            report = self._read(folder / JSON, lambda file: read_report(file.parent), readable)
            judgements = self._read(folder / JUDGEMENTS, lambda file: read_judgements(file.parent), readable)
        audit, incidents = AuditFile(self._state), IncidentFile(self._state)
        drill = DrillFile(self._state)
        return State(
            claim,
            ledger,
            report,
            judgements,
            tuple(self._read(audit.file, lambda _: audit.entries(), readable) or ()),
            tuple(self._read(incidents.file, lambda _: incidents.entries(), readable) or ()),
            self._read(drill.file, lambda _: drill.order(), readable),
            readable,
        )

    def _read(self, file: Path, read: Callable[[Path], T], readable: dict[str, bool]) -> T | None:
        """The file's content, None where there is no file or it cannot be read."""
        try:
            stamp = _stamp(file)
        except OSError:
            return None
        name = str(file.relative_to(self._state))
        known = self._known.get(file)
        if known is None or known[0] != stamp:
            try:
                known = (stamp, read(file))
            except (RolloutError, OSError, ValueError, TypeError, KeyError, StopIteration):
                readable[name] = False
                return None
            self._known = {each: value for each, value in self._known.items() if each.exists()} | {file: known}
        readable[name] = True
        content: T | None = known[1]
        return content


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size
