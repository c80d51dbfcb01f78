"""The write-ahead ledger of one run: what was about to be done is on disk before it is done.

One JSON object a line, fsynced. A rollback reads it backwards; `settle` finishes it from any process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.change import Snapshot
from rollout.clock import Clock
from rollout.errors import Held, InputError


class Step(Enum):
    """The states an agent passes through; the run itself is OPENED, ROLLING_BACK, HELD and CLOSED, a batch DECIDED.

    FOUND: in the wanted state before we came, not ours to bring back.
    """

    OPENED = "opened"
    FOUND = "found as wanted"
    INTENDED = "intended"
    APPLIED = "applied"
    VERIFIED = "verified"
    ROLLING_BACK = "rolling back"
    REVERTING = "reverting"
    RESTORED = "restored"
    QUARANTINED = "quarantined"
    DECIDED = "decided"
    HELD = "held"
    CLOSED = "closed"


UNDONE = frozenset({Step.INTENDED, Step.REVERTING, Step.RESTORED, Step.QUARANTINED})
"""Steps of an agent after which what was decided on its batch no longer holds."""
Subject = tuple[str, str]
"""A change's name and an agent's identity."""
CHANGED = frozenset({Step.INTENDED, Step.APPLIED, Step.VERIFIED, Step.REVERTING, Step.QUARANTINED})
"""Steps after which an agent may differ from what it was: what a rollback has to undo."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. at: Unix seconds; epoch: the ownership under which it was written; batch: from 1, 0 outside the batch loop.

    change: which of the run's changes it belongs to, empty where the run has one only (as ledgers before day 2 had) or none is meant.
    """

    at: float
    epoch: int
    step: Step
    agent: str = ""
    batch: int = 0
    snapshot: Snapshot | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    change: str = ""

    def to_line(self) -> str:
        """The entry as one JSON line."""
        record = {key: value for key, value in asdict(self).items() if value or key in ("at", "epoch")}
        return json.dumps(record | {"step": self.step.value}, separators=(",", ":")) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Entry:
        """The entry that a line holds."""
        record = json.loads(line)
        if snapshot := record.get("snapshot"):
            record["snapshot"] = Snapshot(**snapshot)
        return cls(**record | {"step": Step(record["step"])})


class Ledger:
    """The append-only file of one run.

    A run may carry several changes, and an agent may be the subject of more than one. `part` is the ledger as one change sees it; the whole
    tells of each agent its most recent change that is not back, or else its latest step.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self.file = file
        self._clock = clock
        self._entries: list[Entry] = _read(file)
        self._change = ""

    def part(self, change: str) -> Ledger:
        """The same ledger, for one change alone: what it writes belongs to that change, and what it reads too. Both see what either writes."""
        part = object.__new__(Ledger)
        part.file, part._clock, part._entries, part._change = self.file, self._clock, self._entries, change
        return part

    @property
    def entries(self) -> list[Entry]:
        """What was written, oldest first; in a part, what belongs to its change or to the run."""
        return [entry for entry in self._entries if entry.change in ("", self._change)] if self._change else list(self._entries)

    def append(self, epoch: int, step: Step, agents: Iterable[str] = ("",), *, batch: int = 0, **facts: Any) -> None:  # noqa: ANN401
        """Write one entry per agent and have them all on disk before returning."""
        self._write([Entry(self._clock.now(), epoch, step, agent, batch, None, facts, self._change) for agent in agents])

    def intend(self, epoch: int, snapshots: Iterable[Snapshot], batch: int) -> None:
        """Record the prior state of agents that are about to be changed."""
        self._write([Entry(self._clock.now(), epoch, Step.INTENDED, s.agent, batch, s, {}, self._change) for s in snapshots])

    def _write(self, entries: list[Entry]) -> None:
        """Raises Held when the disk is full or read-only: what cannot be recorded is not done, and bringing back has to be recorded too."""
        try:
            self._write_through("".join(entry.to_line() for entry in entries).encode())
        except OSError as error:
            raise Held(f"the ledger {self.file} cannot be written ({error.strerror}), so nothing more is done; settle the run when it can") from error
        self._entries.extend(entries)

    def _write_through(self, lines: bytes) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        created = not self.file.exists()
        with self.file.open("r+b" if not created else "w+b") as stream:
            _cut_torn_line(stream.fileno(), self.file)
            stream.seek(0, os.SEEK_END)
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())
        if created:
            _sync_folder(self.file.parent)

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return bool(self._entries)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: never opened, or closed last."""
        return not self._entries or self._entries[-1].step is Step.CLOSED

    @property
    def opened(self) -> Entry:
        """The latest opening, which says what the run was started with."""
        return next(entry for entry in reversed(self.entries) if entry.step is Step.OPENED)

    def changes(self) -> tuple[str, ...]:
        """The names of the run's changes in the order in which they began; what the run was opened with, where its entries do not say."""
        named = dict.fromkeys(self._subject(entry)[0] for entry in self._entries if entry.agent)
        return tuple(name for name in named if name) or ((self._opened_with,) if self._opened_with else ())

    def last_steps(self) -> dict[str, Step]:
        """The latest step of each agent, in the order in which the agents were first intended since they last were clean."""
        steps: dict[str, Step] = {}
        for (_, agent), step in self._steps().items():
            if step in CHANGED or steps.get(agent) not in CHANGED:
                steps.pop(agent, None)
                steps[agent] = step
        return steps

    def changed(self) -> list[Snapshot]:
        """The prior states of all agents that may differ from what they were, last changed first; in the whole one for each change.

        Of an agent intended twice without a restore in between the first snapshot counts: the second one saw our own change.
        """
        first: dict[Subject, Snapshot] = {}
        for entry in self.entries:
            if entry.step is Step.INTENDED and entry.snapshot is not None:
                first.setdefault(self._subject(entry), entry.snapshot)
            elif entry.step is Step.RESTORED:
                first.pop(self._subject(entry), None)
        steps = self._steps()
        return [first[subject] for subject in reversed(steps) if steps[subject] in CHANGED]

    def _subject(self, entry: Entry) -> Subject:
        """Whom an entry is about; one that does not say its change belongs to what the run was opened with."""
        return entry.change or self._change or self._opened_with, entry.agent

    @property
    def _opened_with(self) -> str:
        opening = next((entry for entry in reversed(self._entries) if entry.step is Step.OPENED), None)
        return str(opening.facts.get("change", "")) if opening else ""

    def _steps(self) -> dict[Subject, Step]:
        """The latest step of each agent under each change; a fresh start moves it to the end of the order."""
        steps: dict[Subject, Step] = {}
        for entry in self.entries:
            if entry.agent:
                subject = self._subject(entry)
                if entry.step is Step.INTENDED and steps.get(subject) not in CHANGED:
                    steps.pop(subject, None)
                steps[subject] = entry.step
        return steps

    def batches(self) -> dict[str, int]:
        """The batch in which each agent was last intended."""
        return {entry.agent: entry.batch for entry in self.entries if entry.step is Step.INTENDED}

    def decisions(self, *, brought_back: bool = False) -> dict[int, Entry]:
        """The latest decision on each batch, where none of its agents was attempted or (unless brought_back) brought back since."""
        undone = frozenset({Step.INTENDED}) if brought_back else UNDONE
        standing: dict[int, Entry] = {}
        batch_of: dict[Subject, int] = {}
        for entry in self.entries:
            if entry.step is Step.DECIDED:
                standing[entry.batch] = entry
            elif entry.step in undone:
                if entry.step is Step.INTENDED:
                    batch_of[self._subject(entry)] = entry.batch
                standing.pop(batch_of.get(self._subject(entry), 0), None)
        return standing

    def last_times(self) -> dict[str, float]:
        """When each agent's latest step was written, in Unix seconds: a process of ours is older."""
        return {entry.agent: entry.at for entry in self.entries if entry.agent}

    def first_snapshots(self) -> dict[str, Snapshot]:
        """Each agent as it was before this run first touched it."""
        first: dict[str, Snapshot] = {}
        for entry in self.entries:
            if entry.snapshot is not None:
                first.setdefault(entry.agent, entry.snapshot)
        return first

    def away_seconds(self) -> dict[str, float | None]:
        """How long each agent was being changed or brought back, in all: from intention to read-back; None where no read-back followed."""
        begun: dict[str, float] = {}
        away: dict[str, float] = {}
        for entry in self.entries:
            if entry.step in (Step.INTENDED, Step.REVERTING):
                begun.setdefault(entry.agent, entry.at)
            elif entry.step in (Step.VERIFIED, Step.RESTORED) and entry.agent in begun:
                away[entry.agent] = away.get(entry.agent, 0.0) + entry.at - begun.pop(entry.agent)
        return away | dict.fromkeys(begun)

    def holds(self) -> list[Entry]:
        """The times at which the run was held for a person."""
        return [entry for entry in self.entries if entry.step is Step.HELD]

    def rehearsed_at(self, agents: Collection[str]) -> float | None:
        """When the way back was last rehearsed on these agents, in Unix seconds: their latest intention outside the batches."""
        return max((each.at for each in self.entries if each.step is Step.INTENDED and each.batch == 0 and each.agent in agents), default=None)

    def in_step(self, step: Step) -> tuple[str, ...]:
        """Agents whose latest step is this one."""
        return tuple(agent for agent, last in self.last_steps().items() if last is step)


def _read(file: Path) -> list[Entry]:
    """All whole lines; a torn last line (the writer died inside it, before acting) is no entry."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    lines = text[: text.rfind("\n") + 1].splitlines()
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(Entry.from_line(line))
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(file, f"line {number}", f"not a ledger entry ({error})") from error
    return entries


def _cut_torn_line(descriptor: int, file: Path) -> None:
    """Drop what a dead writer left of its last line, so that the next entry starts on a line of its own."""
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        os.ftruncate(descriptor, whole)


def _sync_folder(folder: Path) -> None:
    """A new file survives a power cut only when its folder is on disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
