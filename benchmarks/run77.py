"""A run on the lab of 77 under a ledger of its own, as a day has it, but without a day around it; for the benchmarks beside this file.

The lab has to be up (`python -m lab up`). A benchmark that was interrupted leaves an unsettled run; `rollout settle` brings it back.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from rollout.batches import Batch, schedule
from rollout.change import BeforeEach, Change, Reading, Snapshot
from rollout.clock import Deadline
from rollout.drift import Bystanders
from rollout.executor import Executor, Limits
from rollout.fleet import Agent
from rollout.ledger import Step
from rollout.ownership import Ownership
from rollout.plan import Day, load_plan
from rollout.run_ledger import run_ledger
from rollout.site import Site, load_site

ROOT = Path(__file__).resolve().parent.parent
DAY = 1


class Timed:
    """A change that notes how long each of its parts took. seconds: part to its sum since the last `clear`."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self.seconds: dict[str, float] = defaultdict(float)
        self.looks = 0

    @property
    def name(self) -> str:
        """The change's own name."""
        return self._change.name

    def snapshot(self, agents: Sequence[Agent]) -> list[Snapshot]:
        """As the change does it."""
        with self.part("snapshot"):
            return self._change.snapshot(agents)

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """As the change does it."""
        with self.part("act"):
            self._change.apply(agents, deadline, before_each)

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """As the change does it."""
        with self.part("act"):
            self._change.restore(snapshots, deadline, before_each)

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """As the change does it."""
        self.looks += 1
        with self.part("looks"):
            return self._change.read_applied(agents, since)

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """As the change does it."""
        self.looks += 1
        with self.part("looks"):
            return self._change.read_restored(snapshots)

    def describe(self, snapshot: Snapshot) -> str:
        """As the change says it."""
        return self._change.describe(snapshot)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Adds what happens inside to that part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began

    def clear(self) -> None:
        """Starts again at zero."""
        self.seconds.clear()
        self.looks = 0


class Run77:
    """One claim of the fleet, with its day's batches."""

    def __init__(self, site: Site, day: Day) -> None:
        if day.batches is None or day.change is None:
            raise SystemExit(f"day {day.day} changes no agents")
        self.site, self.day = site, day
        self.id = f"benchmark-{uuid4().hex[:8]}"
        self.ledger = run_ledger(site.runs, self.id, site.clock)
        self.ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
        self.change = Timed(site.change(day.change))
        agents = site.fleet.select(day.selector)
        self.batches: tuple[Batch, ...] = schedule(agents, site.fleet, day.batches.size, day.batches.canary, day.batches.neighbours).batches
        limits = Limits(day.deadlines.act, day.deadlines.verify, day.deadlines.rollback, day.batches.rollback_size)
        self.executor = Executor(self.change, self.ledger, self.ownership, limits, site.clock)

    def watch(self) -> Bystanders:
        """All agents as they are now."""
        return Bystanders.watch(self.site.fleet, self.site.machines)

    def roll_back(self) -> float:
        """Brings everything back; seconds from the decision to the last agent read back as it was."""
        count = len(self.ledger.changed())
        reversal = self.executor.roll_back()
        if reversal.quarantined or len(reversal.restored) != count:
            raise SystemExit(f"the rollback is incomplete, this is no measurement: {reversal.quarantined}")
        return reversal.seconds

    def keep(self) -> None:
        """Ends the run with its changes in place, as a complete day does."""
        self.ledger.append(self.ownership.epoch, Step.CLOSED, outcome="complete")
        self.ownership.release()


@contextmanager
def run_on(site_name: str) -> Iterator[Run77]:
    """Claims the fleet, opens a ledger, and settles both at the end whatever happens, unless the changes are kept."""
    plan = load_plan(ROOT / "plans" / "week3.yaml")
    site = load_site(ROOT / "fleets" / f"{site_name}.yaml", plan.day(DAY).deadlines)
    day = plan.for_site(site.rehearsal).day(DAY)
    run = Run77(site, day)
    epoch = run.ownership.claim(run.id, site.runs)
    change = day.change.value if day.change else ""
    run.ledger.append(epoch, Step.OPENED, day=day.day, plan=plan.plan, site=site.name, change=change)
    try:
        yield run
    finally:
        if not run.ledger.settled:
            if run.ledger.changed():
                run.roll_back()
            run.ledger.append(epoch, Step.CLOSED, outcome="benchmark")
            run.ownership.release()
