"""The write-ahead ledger of one run: what was about to be done is on disk before it is done.

A rollback reads it backwards; `settle` finishes it from any process. A run's ledger is opened by rollout/run_ledger.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.change import Snapshot
from rollout.clock import Clock
from rollout.journal import Journal
from rollout.on_record import on_record


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
SPARED = frozenset({Step.OPENED, Step.INTENDED, Step.CLOSED})
"""Steps that stand in the spare file too: with them the targets themselves tell what is left to bring back."""
LINE = "a ledger entry"


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

    def to_record(self) -> dict[str, Any]:
        """The entry as a JSON object, without what is empty."""
        record = {key: value for key, value in asdict(self).items() if value or key in ("at", "epoch")}
        return record | {"step": self.step.value}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Entry:
        """The entry that a line's JSON object holds. Raises KeyError, TypeError, ValueError."""
        if snapshot := record.get("snapshot"):
            record["snapshot"] = Snapshot(**snapshot)
        return cls(**record | {"step": Step(record["step"])})


class Ledger:
    """The append-only file of one run.

    A run may carry several changes, and an agent may be the subject of more than one. `part` is the ledger as one change sees it; the whole
    tells of each agent its most recent change that is not back, or else its latest step.
    spare: a second file, elsewhere, with every prior state. Where the first is lost its entries are taken from there, and rebuilt is true: each
    agent that was ever about to be changed then counts as changed, and whoever brings it back looks first.
    """

    def __init__(self, file: Path, clock: Clock, spare: Path | None = None) -> None:
        self.file = file
        self._clock = clock
        self.change = ""
        """The change whose entries this is about; empty: all of them."""
        self._journal = Journal(file)
        self._spare = Journal(spare) if spare else None
        self._entries = self._journal.read(Entry.from_record, LINE)
        self.rebuilt = False
        if not self._entries and self._spare:
            self._entries = self._spare.read(Entry.from_record, LINE)
            self.rebuilt = bool(self._entries)

    def part(self, change: str) -> Ledger:
        """The same ledger, for one change alone: what it writes belongs to that change, and what it reads too. Both see what either writes."""
        part = copy(self)
        part.change = change
        return part

    @property
    def entries(self) -> list[Entry]:
        """What was written, oldest first; in a part, what belongs to its change or to the run."""
        return [entry for entry in self._entries if entry.change in ("", self.change)] if self.change else list(self._entries)

    def append(self, epoch: int, step: Step, agents: Iterable[str] = ("",), *, batch: int = 0, **facts: Any) -> None:  # noqa: ANN401
        """Write one entry per agent and have them all on disk before returning."""
        self._write([Entry(self._clock.now(), epoch, step, agent, batch, None, facts, self.change) for agent in agents])

    def intend(self, epoch: int, snapshots: Iterable[Snapshot], batch: int) -> None:
        """Record the prior state of agents that are about to be changed."""
        self._write([Entry(self._clock.now(), epoch, Step.INTENDED, s.agent, batch, s, {}, self.change) for s in snapshots])

    def _write(self, entries: list[Entry]) -> None:
        """Raises Held when the disk is full or read-only: what cannot be recorded is not done, and bringing back has to be recorded too."""
        lost = self._entries if self._journal.empty else []
        with on_record("the ledger", self.file):
            if self._spare and (spared := [entry.to_record() for entry in entries if entry.step in SPARED]):
                self._spare.append(*spared)
            self._journal.append(*(entry.to_record() for entry in (*lost, *entries)))
        self._entries.extend(entries)

    @property
    def run(self) -> str:
        """Whose it is: each run has a folder of its name."""
        return self.file.parent.name

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

        Of an agent intended twice without a restore in between the first snapshot counts: the second one saw our own change. What a process that
        had lost the fleet still wrote after the restore counts too, since its act may have come after it.
        """
        first: dict[Subject, Snapshot] = {}
        back: dict[Subject, Snapshot] = {}
        for entry in self._believed():
            if entry.step is Step.INTENDED and entry.snapshot is not None:
                first.setdefault(self._subject(entry), entry.snapshot)
            elif entry.step is Step.RESTORED and (snapshot := first.pop(self._subject(entry), None)):
                back[self._subject(entry)] = snapshot
        steps, known = self._steps(), back | first
        return [known[subject] for subject in reversed(steps) if steps[subject] in CHANGED and subject in known]

    def _believed(self) -> Iterator[Entry]:
        """All entries but one kind: that an agent is back, said by a process that had lost the fleet. Whoever took it may have acted on it since."""
        newest = 0
        for entry in self.entries:
            newest = max(newest, entry.epoch)
            if entry.step is not Step.RESTORED or entry.epoch == newest:
                yield entry

    def _subject(self, entry: Entry) -> Subject:
        """Whom an entry is about; one that does not say its change belongs to what the run was opened with."""
        return entry.change or self.change or self._opened_with, entry.agent

    @property
    def _opened_with(self) -> str:
        opening = next((entry for entry in reversed(self._entries) if entry.step is Step.OPENED), None)
        return str(opening.facts.get("change", "")) if opening else ""

    def _steps(self) -> dict[Subject, Step]:
        """The latest step of each agent under each change; a fresh start moves it to the end of the order."""
        steps: dict[Subject, Step] = {}
        for entry in self._believed():
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
        for entry in self._believed():
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

    def gone_back_since(self, moment: float) -> bool:
        """Whether a rollback was begun, or the run closed, at that Unix time or later."""
        return any(entry.at >= moment and entry.step in (Step.ROLLING_BACK, Step.CLOSED) for entry in self.entries)

    def rehearsed_at(self, agents: Collection[str]) -> float | None:
        """When the way back was last rehearsed on these agents, in Unix seconds: their latest intention outside the batches."""
        return max((each.at for each in self.entries if each.step is Step.INTENDED and each.batch == 0 and each.agent in agents), default=None)

    def in_step(self, step: Step) -> tuple[str, ...]:
        """Agents whose latest step is this one."""
        return tuple(agent for agent, last in self.last_steps().items() if last is step)
