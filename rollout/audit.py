"""What people ordered and decided, in one append-only file per state folder: orders reach a run only through it, so none takes effect unrecorded.

Names are self-declared: the open-source Prefect server has no identities.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.journal import Journal
from rollout.on_record import on_record


class Order(Enum):
    """What a person may say to a run that works."""

    PAUSE = "pause"
    RESUME = "resume"
    STEP = "step"
    ABORT = "abort"


class Answer(Enum):
    """What a person may decide about a run that is held."""

    PROMOTE = "promote"
    EXTEND = "extend"
    ROLL_BACK = "roll back"


class Closing(Enum):
    """How a person closes a run that is held and will not go on."""

    ACCEPT = "accept as it is"


class Overriding(Enum):
    """How a person lets a day start whose needs are not met."""

    NEEDS = "start without its needs"


class Acknowledging(Enum):
    """What a person says of an open incident; the entry's run is the incident."""

    ACKNOWLEDGE = "acknowledge"


class Emergency(Enum):
    """The plan's emergency protocols, as far as they are built (plan.md lines 336-383)."""

    METRICS = "emergency metrics"
    HUB = "emergency hub"
    OPTIMIZATION = "emergency optimization"


Said = Order | Answer | Closing | Overriding | Acknowledging | Emergency


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One word of a person's. at: Unix seconds; run: its id; name: who says that they gave it; reason: why."""

    at: float
    run: str
    said: Said
    name: str
    reason: str


WORDS: dict[str, Said] = {word.value: word for kind in (Order, Answer, Closing, Overriding, Acknowledging, Emergency) for word in kind}
"""What people say, by what stands in the file."""


class AuditFile:
    """`audit.jsonl` of a site's state folder. Entries are only ever added."""

    def __init__(self, state: Path) -> None:
        self.file = state / "audit.jsonl"

    def append(self, entry: AuditEntry) -> None:
        """Add an entry; it is on disk before this returns. Raises Held where it cannot be: a word takes no effect unrecorded."""
        with on_record("the audit file", self.file):
            Journal(self.file).append(asdict(entry) | {"said": entry.said.value})

    def of(self, run: str) -> list[AuditEntry]:
        """What was said to that run, oldest first. Raises InputError where a line is no entry."""
        return [entry for entry in self.entries() if entry.run == run]

    def entries(self) -> list[AuditEntry]:
        """Everything that was said, oldest first. Raises InputError where a line is no entry."""
        return Journal(self.file).read(_entry_of, "an order")


def _entry_of(record: Any) -> AuditEntry:  # noqa: ANN401 (a line's JSON)
    return AuditEntry(**record | {"said": WORDS[record["said"]]})
