"""Who sees every act and every line of a day in memory, and objects to what must never be; it believes the agents themselves and the disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

from rollout.journal import Journal
from rollout.ledger import CHANGED, Ledger, Step
from rollout.ownership import Claim, Ownership
from rollout.plan import RollbackScope
from rollout.report import Outcome
from rollout.report_file import read_report
from rollout.run_ledger import run_ledger, run_ledgers
from rollout.verdict import Finding, Standing, Verdict
from tests.fakes.machine import FLAG, MemoryWorld
from tests.fakes.processes import Processes, Record

WELL = "well"
CANARY, SIZE, TOLERATED = 1, 2, 1
"""Of tests/fakes/schedules.yaml: agents of the first batch, of each later one at most, and how many may fail before all goes back."""
MEASURED_BY = {"D1.1": "activation", "D1.2": "batch_health"}


class Watch:
    """objections: what must not be and was; acts: agent and direction, by the epoch under which they were made.

    state: the site's folder; scopes: how far a failed gate of each run reaches; emergencies: runs that are some.
    """

    def __init__(self, world: MemoryWorld, processes: Processes, state: Path) -> None:
        self.world, self.processes, self.state = world, processes, state
        self.objections: list[str] = []
        self.acts: dict[int, list[tuple[str, bool]]] = defaultdict(list)
        self.emergencies: set[str] = set()
        self.scopes: dict[str, RollbackScope | None] = {}
        self._before: dict[str, dict[str, bool]] = {}  # who had the change
        self._prior: dict[str, dict[str, bool]] = {}  # who was configured with it: that is what a rollback brings back
        self._look: tuple[int, dict[str, str]] = (0, {})
        self._failing: dict[int, set[str]] = defaultdict(set)
        self._passed: set[tuple[str, str]] = set()
        self._attempts: dict[str, list[tuple[float, int]]] = defaultdict(list)  # when each began, and its epoch

    def on(self, agent: str) -> bool:
        """Whether that agent really has the change, in its configuration or in its process."""
        return self._configured(agent) or self.world.all[agent].process.environment.get(FLAG) == "true"

    def _configured(self, agent: str) -> bool:
        return self.world.all[agent].configured.get(FLAG) == "true"

    def flags(self) -> dict[str, bool]:
        """The same of everybody."""
        return {agent: self.on(agent) for agent in self.world.all}

    def ledger(self, run: str) -> Ledger:
        """As it is on disk."""
        return run_ledger(self.state / "runs", run, self.world.clock)

    def act(self, agent: str, *, on: bool) -> None:
        """Somebody is about to touch that agent, and on says whether it will have the change: backwards where the ledger says so, else forward."""
        holder = self._holder()
        if holder is None:
            self._object(f"process {self.processes.pid} acts on {agent}, and the fleet is not its own")
            return
        ledger = self.ledger(holder.run)
        step, batch, prior = ledger.last_steps().get(agent), ledger.batches().get(agent, 0), self._prior.get(holder.run, {})
        forward = step is not Step.REVERTING
        if step not in CHANGED or (not forward and on and not prior.get(agent)):
            self._object(f"{agent} is about to be {'on' if on else 'off'}, and the ledger on disk says {step}")
        if forward:
            self._forward(agent, batch, holder, ledger)
        self.acts[holder.epoch].append((agent, forward))

    def _forward(self, agent: str, batch: int, holder: Claim, ledger: Ledger) -> None:
        """A rollback is the end of it, batches follow each other, and what failed stops everybody."""
        epoch, before = holder.epoch, self._before.get(holder.run, {})
        if holder.run in self.emergencies or any(entry.epoch == epoch and entry.step is Step.ROLLING_BACK for entry in ledger.entries):
            self._object(f"{agent} goes forward after a rollback")
        ways = [ahead for each, ahead in self.acts[epoch] if each == agent] + [True]
        if sum(not here and there for here, there in pairwise(ways)) > (batch <= 1):  # the canary rehearses its way back
            self._object(f"{agent} went back and goes forward again")
        changed = {each for each, is_on in self.flags().items() if is_on and not before.get(each)}
        batches, decided = ledger.batches(), _decided(ledger)
        if waiting := {each for each in changed - {agent} if (first := batches.get(each) or 1) != max(batch, 1) and first not in decided}:
            self._object(f"{agent} of batch {batch} goes forward, and nothing is decided on {waiting}")
        so_far = {each for each in changed if (batches.get(each) or 1) <= max(batch, 1)} | {agent}  # later ones are decided, or waiting
        if len(so_far) > CANARY + SIZE * max(batch - 1, 0):
            self._object(f"{agent} of batch {batch} goes forward beside {so_far}")
        failing = self._failing[epoch]
        if failing and (self.scopes.get(holder.run) is not RollbackScope.AGENT or len(failing) > TOLERATED or any(map(self.on, failing))):
            self._object(f"{agent} goes forward after {failing} failed")

    def looked(self, fares: dict[str, str]) -> None:
        """A source was asked how the agents fare, and says that."""
        if holder := self._holder():
            self._look = (holder.epoch, dict(fares))
            self._failing[holder.epoch] |= {each for each in self.ledger(holder.run).in_step(Step.VERIFIED) if fares[each] == "sick"}

    def judged(self, suite: str, agents: Collection[str], findings: Sequence[Finding]) -> None:
        """A gate has spoken; where all of it is PASS, it was so."""
        holder = self._holder()
        if holder is None or any(finding.verdict is not Verdict.PASS for finding in findings):
            return
        if len(agents) == len(self.world.all):
            self._passed.add((holder.run, suite))
        if suite == "activation" and not all(map(self.on, agents)):
            self._object(f"{suite} passes for {agents}, of whom only {self.flags()} are on")
        if suite == "batch_health":
            self._all_well(f"{suite} passes", holder.epoch, agents)

    def wrote(self, journal: Journal, records: Sequence[Record]) -> None:
        """Lines are about to be on disk; those of a process that lost the fleet count for nothing."""
        holder = self._holder()
        if journal.file.name != "ledger.jsonl" or holder is None:
            return
        for record in records:
            if record["step"] == Step.OPENED.value:
                self._opened(holder, journal.file)
            if record["step"] == Step.DECIDED.value and record["facts"]["goes_on"]:
                self._promoted(holder, record["facts"]["report"])
            if record["step"] == Step.CLOSED.value:
                self._closed(journal.file.parent.name, record["facts"]["outcome"])

    def _opened(self, holder: Claim, file: Path) -> None:
        """What was before a run is what is there when it opens its ledger, but for whom an earlier attempt of it has changed."""
        self._attempts[holder.run].append((self.world.clock.time, holder.epoch))
        if holder.run not in self.emergencies:
            steps = Ledger(file, self.world.clock).last_steps()
            untouched = [agent for agent in self.world.all if steps.get(agent) not in CHANGED]
            for known, on in ((self._before, self.on), (self._prior, self._configured)):
                known[holder.run] = known.get(holder.run, {}) | {agent: on(agent) for agent in untouched}

    def _promoted(self, holder: Claim, report: Record) -> None:
        """By its gates: every agent that stays has the change and was seen well, and so was everybody who was changed before."""
        staying = set(report["agents"]) - set(report["set_back"])
        if report["decision"].startswith("promote, by") or not staying:
            return
        if not all(map(self.on, staying)):
            self._object(f"batch {report['index']} goes on, and {staying} are not all on")
        self._all_well(f"batch {report['index']} goes on", holder.epoch, self.ledger(holder.run).in_step(Step.VERIFIED))

    def _closed(self, run: str, outcome: str) -> None:
        """What a closed ledger says of the fleet."""
        flags = self.flags()
        if outcome == Outcome.ROLLED_BACK.value:
            if wrong := [each for each in self.ledger(run).batches() if flags[each] != self._prior.get(run, {}).get(each)]:
                self._object(f"{run} is closed as rolled back, and {wrong} are not as before")
        elif outcome == Outcome.COMPLETE.value:
            alone = self.ledger(run).in_step(Step.RESTORED)  # went back alone; of an emergency: everybody whom it found
            wanted = {agent: run not in self.emergencies and agent not in alone for agent in flags}
            if flags != wanted or (run not in self.emergencies and len(alone) > TOLERATED):
                self._object(f"{run} is closed as complete, and there are {flags}")

    def _all_well(self, what: str, epoch: int, agents: Collection[str]) -> None:
        at, fares = self._look
        if at != epoch or any(fares[agent] != WELL for agent in agents):
            self._object(f"{what} for {agents}, and the last look of {at} saw {fares}")

    def after(self) -> None:
        """Between two processes: what the agents are is what the newest line about each says, and no report says more than was seen."""
        newest: dict[str, tuple[int, str, Step]] = {}
        for ledger in run_ledgers(self.state / "runs", self.world.clock):
            for entry in ledger.entries:
                if entry.agent and entry.epoch >= newest.get(entry.agent, (0, "", Step.FOUND))[0]:
                    newest[entry.agent] = (entry.epoch, ledger.run, entry.step)
            if ledger.exists:
                self._reported(ledger)
        for agent, is_on in self.flags().items():
            _, run, step = newest.get(agent, (0, "", Step.RESTORED))
            wanted = {Step.RESTORED: self._prior.get(run, {}).get(agent, False), Step.VERIFIED: True, Step.FOUND: True}.get(step, is_on)
            if is_on != wanted:
                self._object(f"{agent} is {'on' if is_on else 'off'}, and the newest line about it says {step} by {run}")

    def _reported(self, ledger: Ledger) -> None:
        """A settled run's report ends as its ledger does, and MET rests on a gate that passed for everybody in an attempt of it."""
        report = read_report(self.state / "reports" / ledger.run)
        newest = max(entry.epoch for entry in ledger.entries)
        closing = [entry for entry in ledger.entries if entry.epoch == newest][-1]  # what a late process wrote after it counts for nothing
        if ledger.settled and closing.step is Step.CLOSED and closing.facts["outcome"] in {outcome.value for outcome in Outcome}:
            told = report.outcome.value if report else "nothing"
            if told != closing.facts["outcome"]:
                self._object(f"the report of {ledger.run} says {told}, its ledger {closing.facts['outcome']}")
        if report is None:
            return
        told_of = min((attempt for attempt in self._attempts[ledger.run] if attempt[0] >= report.started), default=(0.0, 0))  # later ones died
        for criterion in report.criteria:
            shown = (ledger.run, MEASURED_BY.get(criterion.id, "")) in self._passed or (criterion.id == "D1.3" and not self._failing[told_of[1]])
            if criterion.verdict is Standing.MET and not shown:
                self._object(f"{criterion.id} is MET in the report of {ledger.run}, and nobody saw that")

    def _holder(self) -> Claim | None:
        """The claim of the process at work; None where the fleet is another's by now, and whatever it does or says counts for nothing."""
        holder = Ownership(self.state / "fleets", "memory", self.world.clock).holder()
        return holder if holder is not None and holder.pid == self.processes.pid else None

    def _object(self, objection: str) -> None:
        self.objections.append(objection)


def _decided(ledger: Ledger) -> set[int]:
    """Batches that may be left behind: decided so, and not begun anew since."""
    batches: set[int] = set()
    for entry in ledger.entries:
        if entry.step is Step.INTENDED:
            batches.discard(entry.batch)
        elif entry.step is Step.DECIDED and entry.facts["goes_on"]:
            batches.add(entry.batch)
    return batches
