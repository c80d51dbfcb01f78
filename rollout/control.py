"""A person's hand on a run that works: pause, resume, step and abort take effect between two agents (issue 4, section 7)."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from rollout.audit import AuditEntry, AuditFile, Order
from rollout.clock import Clock, PausableClock
from rollout.errors import Aborted, Refused
from rollout.ownership import Ownership

LOOK = 0.5
"""Seconds between two looks whether a paused run may go on."""
STANCES = frozenset({Order.PAUSE, Order.RESUME, Order.STEP})


class Control:
    """The orders to one run. since: Unix seconds; what was ordered before, an earlier attempt of the run has heeded."""

    def __init__(self, audit: AuditFile, run: str, clock: PausableClock, since: float) -> None:
        self._audit = audit
        self._run = run
        self._clock = clock
        self._since = since
        self._used_step: AuditEntry | None = None
        self._one_at_a_time = Lock()

    @property
    def aborted(self) -> bool:
        """Whether a person has ended the rollout."""
        return any(entry.said is Order.ABORT for entry in self._orders())

    def between_agents(self, keep: Callable[[], None]) -> None:
        """Go on, wait while paused, or raise Aborted. keep: called while waiting, to keep the fleet."""
        self._wait(keep, at_batch=False)

    def between_batches(self, keep: Callable[[], None]) -> None:
        """The same before a batch; a step lets one batch through at most."""
        self._wait(keep, at_batch=True)

    def heed(self) -> None:
        """Raise Aborted when a person has ended the rollout; nothing else."""
        for entry in self._orders():
            if entry.said is Order.ABORT:
                raise Aborted(f"aborted by {entry.name}: {entry.reason}")

    def _wait(self, keep: Callable[[], None], *, at_batch: bool) -> None:
        with self._one_at_a_time:
            if not self._may_go_on(at_batch=at_batch):
                with self._clock.standing():
                    while not self._may_go_on(at_batch=at_batch):
                        keep()
                        self._clock.sleep(LOOK)
            self._used_step = stance if (stance := self._stance()) and stance.said is Order.STEP else None

    def _may_go_on(self, *, at_batch: bool) -> bool:
        self.heed()
        stance = self._stance()
        return stance is None or not (stance.said is Order.PAUSE or (at_batch and stance == self._used_step))

    def _stance(self) -> AuditEntry | None:
        """The latest of pause, resume and step."""
        return next((entry for entry in reversed(self._orders()) if entry.said in STANCES), None)

    def _orders(self) -> list[AuditEntry]:
        return [entry for entry in self._audit.of(self._run) if entry.at >= self._since]


def give_order(entry: AuditEntry, audit: AuditFile, ownership: Ownership, clock: Clock) -> None:
    """Hand an order to a run, which heeds it between two agents. Raises Refused when that run is not at work: nobody would heed it."""
    holder = ownership.holder()
    if holder is None or holder.run != entry.run or not holder.alive(clock.now()):
        raise Refused(f"run {entry.run} is not at work" + (f"; the fleet's last run is {holder.run}" if holder else ""))
    audit.append(entry)
