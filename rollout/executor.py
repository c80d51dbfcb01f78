"""Carries a change out and back under the ledger: intend, act, read back, settle. Knows no Prefect, so that settling needs none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from rollout.change import BeforeEach, Change, Reading, Snapshot
from rollout.clock import Clock, Deadline
from rollout.errors import ActFault, Held, OwnershipLost
from rollout.fleet import Agent
from rollout.ledger import CHANGED, Ledger, Step
from rollout.ownership import Ownership

Subject = TypeVar("Subject")

FIRST_LOOKS, LAST_LOOKS = 0.2, 0.05
"""Seconds between two looks until somebody is up, and from then on: a look takes time from those that start, and the last of them is waited for."""
TRIES = 3
"""Restarts of one agent by one rollback: what is not well after so many was not well before either, or needs a person."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What became of a batch. since: Unix seconds before the first act; verified_at: when the last witness agreed (or gave up)."""

    since: float
    verified_at: float
    readings: tuple[Reading, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Agents on which the effect does not show."""
        return tuple(reading.agent for reading in self.readings if not reading.verified)


@dataclass(frozen=True, slots=True)
class Reversal:
    """What became of a rollback. began, ended: Unix seconds; quarantined: agent to the reason why it could not be restored."""

    began: float
    ended: float
    restored: tuple[str, ...]
    quarantined: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """From the decision to the last agent read back as it was."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds from the plan: for the acts on one batch, for its read-back, for a whole rollback."""

    act: float
    verify: float
    rollback: float
    rollback_size: int


class Executor:
    """One change on one fleet by one run.

    before_each: what stands between two agents on the way forward (a person may have something to say); on the way back only ownership does.
    """

    def __init__(
        self, change: Change, ledger: Ledger, ownership: Ownership, limits: Limits, clock: Clock, before_each: BeforeEach | None = None
    ) -> None:
        self.change = change
        self.ledger = ledger.part(change.name)
        self._ownership = ownership
        self._limits = limits
        self._clock = clock
        self._before_each = before_each or ownership.check

    def find_finished(self, agents: Sequence[Agent]) -> tuple[str, ...]:
        """Agents that this run never touched and that are in the wanted state already: recorded as found, neither restarted nor ever rolled back."""
        unknown = [agent for agent in agents if agent.id not in self.ledger.last_steps()]
        found = tuple(reading.agent for reading in self.change.read_applied(unknown, 0.0) if reading.verified)
        self._mark(Step.FOUND, found, 0)
        return self.ledger.in_step(Step.FOUND)

    def activate(self, agents: Sequence[Agent], batch: int) -> Activation:
        """Change the agents that are not changed yet and read the effect back; what an earlier attempt finished is only read back.

        Raises Unreachable (nothing is lost: a repetition finds its place by the ledger), Drift and OwnershipLost.
        """
        steps = self.ledger.last_steps()
        since = self._since(agents)
        begun = [agent for agent in agents if steps.get(agent.id) in CHANGED]
        fine = {reading.agent for reading in self.change.read_applied(begun, since) if reading.verified} if begun else set()
        todo = [agent for agent in agents if agent.id not in fine]
        if fine:
            self._mark(Step.VERIFIED, [agent for agent in fine if steps[agent] is not Step.VERIFIED], batch)
        refused: dict[str, str] = {}
        if todo:
            announced = CHANGED - {Step.REVERTING, Step.QUARANTINED}  # the line about those two says that they go back
            self._intend([agent for agent in todo if steps.get(agent.id) not in announced], batch)
            try:
                self.change.apply(todo, Deadline.after(self._clock, self._limits.act), self._before_each)
            except ActFault as fault:
                refused = dict.fromkeys(fault.agents, fault.reason)
            self._mark(Step.APPLIED, [agent.id for agent in todo if agent.id not in refused], batch)
        readings = self._read_until_verified(
            lambda left: self.change.read_applied(left, since), {agent.id: agent for agent in agents}, self._limits.verify
        )
        self._mark(Step.VERIFIED, [reading.agent for reading in readings if reading.verified and reading.agent not in fine], batch)
        return Activation(since, self._clock.now(), tuple(_with_refusal(reading, refused) for reading in readings))

    def read_all(self, agents: Sequence[Agent]) -> Activation:
        """Read the effect back once more, of everybody, whoever changed them; touches nobody."""
        began = self._clock.now()
        readings = self.change.read_applied(agents, 0.0)
        return Activation(began, self._clock.now(), tuple(readings))

    def restart_unchanged(self, agents: Sequence[Agent], batch: int) -> Reversal:
        """Restart agents without changing them, as a placebo: through the ledger like any act, and read back as they were. Raises Unreachable."""
        self._intend(agents, batch)
        names = {agent.id for agent in agents}
        snapshots = [snapshot for snapshot in self.ledger.changed() if snapshot.agent in names]
        began = self._clock.now()
        try:
            self.change.restore(snapshots, Deadline.after(self._clock, self._limits.act), self._before_each)
        except ActFault as fault:
            return Reversal(began, self._clock.now(), (), dict.fromkeys(fault.agents, fault.reason))
        readings = self._read_until_verified(self.change.read_restored, _by_agent(snapshots), self._limits.verify)
        restored = tuple(reading.agent for reading in readings if reading.verified)
        self._mark(Step.RESTORED, restored, batch)
        lost = {reading.agent: reading.reason for reading in readings if not reading.verified}
        return Reversal(began, self._clock.now(), restored, lost)

    def roll_back(self, agents: Iterable[str] | None = None) -> Reversal:
        """Bring back what the ledger says was changed (or only those agents), last changed first, a few at a time, each read back.

        What cannot be reached is tried again until the rollback's time is over; what was restarted TRIES times and is not as it was, is quarantined
        by name. Never raises for an agent; raises OwnershipLost and Held. Repeating it is harmless: agents that are as they were are not touched.
        """
        began = self._clock.now()
        deadline = Deadline.after(self._clock, self._limits.rollback)
        only = None if agents is None else set(agents)
        waiting = [snapshot for snapshot in self.ledger.changed() if only is None or snapshot.agent in only]
        restored: list[str] = []
        failures: dict[str, Reading] = {}
        tries: Counter[str] = Counter()
        while waiting:
            turns = [waiting[start : start + self._limits.rollback_size] for start in range(0, len(waiting), self._limits.rollback_size)]
            for number, turn in enumerate(turns):
                # one that is stuck does not take the time of those that come after it
                share = Deadline.after(self._clock, deadline.remaining / (len(turns) - number))
                outcome = self._restore_turn(turn, share, tries)
                back = [snapshot.agent for snapshot in turn if snapshot.agent not in outcome]
                restored += back
                failures = {agent: reading for agent, reading in (failures | outcome).items() if agent not in back}
            again = {agent for agent, reading in failures.items() if not reading.lasting and tries[agent] < TRIES}
            waiting = [snapshot for snapshot in waiting if snapshot.agent in again]
            if deadline.passed:
                break
            if waiting:
                self._clock.sleep(1.0)
        self._mark(Step.QUARANTINED, failures, 0)
        return Reversal(began, self._clock.now(), tuple(restored), {agent: reading.reason for agent, reading in failures.items()})

    def _restore_turn(self, turn: Sequence[Snapshot], deadline: Deadline, tries: Counter[str]) -> dict[str, Reading]:
        """Restore some agents, their machines side by side; the readings of those that are not as they were, by agent.

        Where one machine does not answer, or answers with a fault, each has its own try: a dead one does not hold back the agents of the others.
        Raises OwnershipLost and, where the ledger cannot be written, Held.
        """
        try:
            return self._restore(turn, deadline, tries)
        except (OwnershipLost, Held):
            raise
        except Exception as error:  # noqa: BLE001 (whatever an adapter raises is its machine's, and nobody else's)
            machines = _by_machine(turn)
            if len(machines) == 1:
                return {snapshot.agent: Reading(snapshot.agent, (str(error) or type(error).__name__,)) for snapshot in turn}
            outcome: dict[str, Reading] = {}
            for group in machines:
                outcome |= self._restore_turn(group, deadline, tries)
            return outcome

    def _restore(self, turn: Sequence[Snapshot], deadline: Deadline, tries: Counter[str]) -> dict[str, Reading]:
        """Restore and read back; the readings of those that are not as they were. tries: counts restarts. Raises what an adapter raises."""
        self._ownership.check()
        changed = {reading.agent for reading in self.change.read_restored(turn) if not reading.verified}
        if changed:
            todo = [snapshot for snapshot in turn if snapshot.agent in changed]
            self._mark(Step.REVERTING, [snapshot.agent for snapshot in todo], 0)
            refused: Iterable[str] = ()
            try:
                self.change.restore(todo, deadline, self._ownership.check)
            except ActFault as fault:  # the witnesses decide below, agent by agent
                refused = fault.agents
            tries.update(changed - set(refused))
        readings = self._read_until_verified(self.change.read_restored, _by_agent(turn), min(self._limits.verify, deadline.remaining))
        self._mark(Step.RESTORED, [reading.agent for reading in readings if reading.verified], 0)
        return {reading.agent: reading for reading in readings if not reading.verified}

    def _read_until_verified(self, read: Callable[[list[Subject]], list[Reading]], subjects: Mapping[str, Subject], seconds: float) -> list[Reading]:
        """Look again at those that may still be verified until none is left or the time is over; of each the last look counts. subjects: by agent."""
        latest: dict[str, Reading] = {}
        deadline = Deadline.after(self._clock, seconds)
        while left := [subject for agent, subject in subjects.items() if agent not in latest or not latest[agent].final]:
            if latest and deadline.passed:
                break
            if latest:
                self._clock.sleep(min(LAST_LOOKS if len(left) < len(subjects) else FIRST_LOOKS, deadline.remaining))
            latest.update({reading.agent: reading for reading in read(left)})
        return [latest[agent] for agent in subjects if agent in latest]

    def _since(self, agents: Sequence[Agent]) -> float:
        """The moment of the first intention on any of these agents since it last was clean, or now."""
        steps = self.ledger.last_steps()
        names = {agent.id for agent in agents if steps.get(agent.id) in CHANGED}
        first: dict[str, float] = {}
        for entry in self.ledger.entries:
            if entry.agent in names and entry.step is Step.INTENDED:
                first.setdefault(entry.agent, entry.at)
            elif entry.step is Step.RESTORED:
                first.pop(entry.agent, None)
        return min(first.values(), default=self._clock.now())

    def _intend(self, agents: Sequence[Agent], batch: int) -> None:
        snapshots = self.change.snapshot(agents)
        self._ownership.check()  # an entry of a process that has lost the fleet would open a ledger again that was settled
        self.ledger.intend(self._ownership.epoch, snapshots, batch)

    def _mark(self, step: Step, agents: Iterable[str], batch: int) -> None:
        if chosen := list(agents):
            self._ownership.check()
            self.ledger.append(self._ownership.epoch, step, chosen, batch=batch)


def roll_back_all(executors: Sequence[Executor], agents: Sequence[str] | None = None) -> Reversal:
    """Bring back the changes of a run (or only those agents), one after the other in the order given, newest first. Raises OwnershipLost.

    One that leaves agents behind does not keep the others from coming back; an agent of several changes is restored when it is back from all.
    """
    parts = [executor.roll_back(agents) for executor in executors]
    quarantined = {agent: reason for part in parts for agent, reason in part.quarantined.items()}
    restored = dict.fromkeys(agent for part in parts for agent in part.restored if agent not in quarantined)
    return Reversal(parts[0].began, parts[-1].ended, tuple(restored), quarantined)


def _by_agent(snapshots: Iterable[Snapshot]) -> dict[str, Snapshot]:
    """The snapshots by the identity of their agents."""
    return {snapshot.agent: snapshot for snapshot in snapshots}


def _by_machine(snapshots: Iterable[Snapshot]) -> list[list[Snapshot]]:
    """The snapshots of each machine, in the given order."""
    groups: dict[str, list[Snapshot]] = {}
    for snapshot in snapshots:
        groups.setdefault(snapshot.agent.partition("/")[0], []).append(snapshot)
    return list(groups.values())


def _with_refusal(reading: Reading, refused: dict[str, str]) -> Reading:
    """The reading with the reason why the act itself was refused, if it was."""
    if reading.agent not in refused or reading.verified:
        return reading
    return Reading(reading.agent, (f"the act was refused: {refused[reading.agent]}", *reading.disagreements), reading.row)
