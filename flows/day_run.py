"""One day's run: what it was started with, what it has seen and changed so far, and what every gate of every day asks of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

import pandas as pd
from prefect import get_run_logger

from flows.outcome import RunRecord
from flows.planned_day import PlannedDay
from rollout.audit import AuditEntry, AuditFile
from rollout.batches import Batch, BatchSchedule, schedule
from rollout.candidates import Ranking
from rollout.clock import Deadline, PausableClock
from rollout.control import Control
from rollout.drift import Bystanders
from rollout.errors import GateFailed, Held, Refused
from rollout.executor import Executor, Limits
from rollout.fleet import Agent
from rollout.gate_file import GATES, add_gate, gate_record
from rollout.judge.day import DayJudgement
from rollout.judge.judgement import BatchJudgement
from rollout.judge.restart import RestartEffect
from rollout.judgement_file import JUDGEMENTS, JudgedBy, write_judgements
from rollout.lease_clock import LeaseClock
from rollout.ledger import CHANGED, Step
from rollout.observe.contract import Contract
from rollout.on_record import on_record
from rollout.ownership import Ownership
from rollout.parameters import DayParameters
from rollout.plan import ChangeKind, Day, Plan
from rollout.private_folder import private_folder
from rollout.report_entries import step_report
from rollout.run_ledger import run_ledger
from rollout.site import Site
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.gate import judge_gate
from tasks.publish import publish_progress

HEED = 2.0
"""Seconds between two looks for an order of a person's while a run waits."""


class DayRun(PlannedDay):
    """One day of one plan on one site, by one flow run."""

    def __init__(self, run_id: str, plan: Plan, day: Day, site: Site, parameters: DayParameters) -> None:
        self.ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
        site = replace(site, clock=LeaseClock(site.clock, self.ownership))
        super().__init__(plan, day, site, parameters)
        self.run_id = run_id
        self.folder = site.reports / run_id
        self.ledger = run_ledger(site.runs, run_id, site.clock)
        self.record = RunRecord(site.clock.now())
        self.log = get_run_logger()
        self.touched = {agent for agent, step in self.ledger.last_steps().items() if step in CHANGED}
        self.current_batch: Batch | None = None
        self.audit = AuditFile(site.state)
        self.working_time = PausableClock(site.clock)
        self.control = Control(self.audit, run_id, self.working_time, self.record.started)
        self.answer: AuditEntry | None = None
        self.baseline: pd.DataFrame | None = None
        self.bystanders: Bystanders | None = None
        self.last_activation = 0.0
        self.progress: UUID | None = None
        self.placebo: tuple[str, ...] = ()
        self.restart_effects: tuple[RestartEffect, ...] = ()
        self.judged: dict[int, BatchJudgement] = {}
        self.restarted: set[str] = set()
        self.set_back: dict[str, str] = {}
        self.contract: Contract | None = None
        self.startups = pd.DataFrame({"agent": [], "seconds": [], "at": []})
        self.survey: pd.DataFrame | None = None
        self.ranking: Ranking | None = None

    @property
    def owns(self) -> bool:
        """Whether this run has claimed the fleet."""
        return self.ownership.epoch > 0

    @property
    def watched(self) -> Bystanders:
        """All agents as they were when this run claimed the fleet."""
        if self.bystanders is None:
            raise Refused(f"day {self.day.day} does not own fleet {self.site.fleet.name}")
        return self.bystanders

    @property
    def schedule(self) -> BatchSchedule:
        """The day's batches in their order."""
        batches = self.batches
        size = self.parameters.batch_size or batches.size
        agents = [agent for agent in self.agents if agent.id not in self.found]
        if not agents:
            return BatchSchedule(())
        return schedule(agents, self.site.fleet, size, batches.canary, batches.neighbours)

    @property
    def executor(self) -> Executor:
        """What carries the day's change out and back."""
        if self.day.change is None:
            raise Refused(f"day {self.day.day} changes no agents")
        return self.executor_of(self.day.change)

    def executor_of(self, kind: ChangeKind) -> Executor:
        """What carries a change of that kind out and back, on this run's ledger."""
        limits = Limits(self.day.deadlines.act, self.day.deadlines.verify, self.day.deadlines.rollback, self.batches.rollback_size)
        change = self.site.change(kind, self.day.environment)
        return Executor(change, self.ledger, self.ownership, limits, self.working_time, self.before_each)

    @property
    def executors(self) -> list[Executor]:
        """One for each change that this run has begun, the newest first: the order in which they come back."""
        return [self.executor_of(ChangeKind(name)) for name in reversed(self.ledger.changes())]

    def before_each(self) -> None:
        """What stands before each act: the fleet is still ours, and no person has said stop. Raises OwnershipLost, Aborted."""
        self.control.between_agents(self.ownership.check)
        self.ownership.check()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step of the plan, by its title there; one that the plan does not have raises Refused."""
        step = self.day.step(title)
        self.log.info("%s (%s)", step.title, step.source)
        began = self.site.clock.now()
        try:
            yield
        finally:
            self.record.steps.append(step_report(step, began, self.site.clock.now()))

    def judge(
        self,
        suite: str,
        frame: pd.DataFrame,
        bounds: Mapping[str, float],
        evidence: Evidence,
        agents: Sequence[str],
        metrics: Sequence[str],
        what: str,
    ) -> tuple[Finding, ...]:
        """One finding per check of the suite; what it was given is stored, so that `rollout verify` can judge it again. Raises OwnershipLost."""
        findings = judge_gate(suite, frame, bounds, evidence, agents, metrics, what)
        self._stop_if_lost()
        add_gate(self.folder, gate_record(suite, frame, bounds, evidence.samples, agents, metrics, what, findings))
        self.record.samples["gates"] = GATES
        return findings

    def keep(self, gate: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Remember what a gate found; criteria are answered from it."""
        kept = tuple(findings)
        self.record.findings[gate] = kept
        passed = sum(finding.verdict is Verdict.PASS for finding in kept)
        self.log.info("gate %s: %d of %d checks PASS", gate, passed, len(kept))
        for finding in kept:
            if finding.verdict is not Verdict.PASS:
                self.log.warning("gate %s: %s: %s", gate, finding.verdict.name, finding.sentence)
        return kept

    def require(self, gate: str, findings: Iterable[Finding]) -> None:
        """Remember what a gate found and stop unless it let the run pass."""
        kept = self.keep(gate, findings)
        self.stop_unless_passed(gate, kept)

    def stop_unless_passed(self, gate: str, kept: Sequence[Finding]) -> None:
        """FAIL raises GateFailed, missing evidence raises Held."""
        bad = [finding for finding in kept if finding.verdict >= Verdict.ERROR]
        if worst(kept) is Verdict.FAIL:
            raise GateFailed(gate, bad)
        if worst(kept) is Verdict.ERROR:
            raise Held(f"gate {gate} could not be judged: " + "; ".join(finding.sentence for finding in bad))

    def wait_until(self, moment: float) -> None:
        """Wait until that Unix time; a run that owns the fleet keeps it meanwhile. Raises OwnershipLost, Aborted."""
        while (left := moment - self.site.clock.now()) > 0:
            self.site.clock.sleep(min(left, HEED))
            if self.owns:
                self.control.heed()

    def deadline(self, seconds: float) -> Deadline:
        """A deadline on the site's clock."""
        return Deadline.after(self.site.clock, seconds)

    def show_progress(self, what: str) -> None:
        """Move the day's progress in the UI on; a server that is away does not matter."""
        share = len(self.changed() + self.found) / len(self.agents)
        try:
            self.progress = publish_progress(f"day-{self.day.day}-{self.site.name}-progress", share, what, self.progress)
        except Exception as error:  # noqa: BLE001 (a picture of the work must never stop the work)
            self.log.debug("progress was not shown: %s", error)

    def begin(self, batch: Batch) -> None:
        """From here on a failure concerns this batch."""
        self.current_batch = batch
        self.touched.update(batch.ids)

    def finish_batches(self) -> None:
        """From here on a failure concerns the day."""
        self.current_batch = None

    def changed(self) -> tuple[str, ...]:
        """Agents that this run has changed and verified."""
        return self.ledger.in_step(Step.VERIFIED)

    @property
    def found(self) -> tuple[str, ...]:
        """Agents that were in the wanted state before this run."""
        return self.ledger.in_step(Step.FOUND)

    @property
    def standing(self) -> tuple[Agent, ...]:
        """The day's agents that have the change now, whether this run gave it to them or found it there."""
        there = {*self.changed(), *self.found}
        return tuple(agent for agent in self.agents if agent.id in there)

    def failed(self) -> frozenset[str]:
        """Agents that were attempted and are neither verified nor back."""
        return frozenset(self.touched - set(self.changed()) - set(self.found) - set(self.ledger.in_step(Step.RESTORED)))

    def neighbours(self, batch: Batch) -> tuple[str, ...]:
        """The judge's controls: agents on the batch's machines that this run has not touched.

        Agents of the placebo rest for a window first. The last batch leaves nobody unchanged; there agents changed two or more windows
        earlier serve, never those of the window before.
        """
        machines = {agent.machine for agent in batch.agents}
        settled = {agent for agent, index in self.ledger.batches().items() if 0 < index <= batch.index - 2}
        last = batch.index == len(self.schedule.batches)
        rested = set(self.placebo) - set(self.changed()) if batch.index > 2 else set()
        free = {agent.id for agent in self.site.fleet.agents if agent.id not in self.touched} | rested | (settled if last else set())
        return tuple(agent.id for agent in self.site.fleet.agents if agent.machine in machines and agent.id in free - set(batch.ids))

    def keep_samples(self, name: str, frame: pd.DataFrame) -> str:
        """Store samples in the report's folder; returns the file's name there. Raises Held where they cannot be written: no half of them stands."""
        self._stop_if_lost()
        file, aside = f"samples/{name}.parquet", self.folder / f".{name}.new"
        with on_record("the samples", self.folder / file):
            private_folder(self.folder / "samples")
            frame.to_parquet(aside, index=False)
            aside.replace(self.folder / file)
        self.record.samples[name] = file
        return file

    def stored_samples(self, name: str) -> pd.DataFrame | None:
        """Samples that an earlier attempt of this run has kept; None where there are none."""
        file = f"samples/{name}.parquet"
        if not (self.folder / file).exists():
            return None
        self.record.samples[name] = file
        return pd.read_parquet(self.folder / file)

    @property
    def judgements(self) -> tuple[BatchJudgement, ...]:
        """The judge's last word on each batch so far."""
        return tuple(self.judged[index] for index in sorted(self.judged))

    def keep_judgement(self, batch: Batch, judgement: BatchJudgement | None) -> None:
        """Remember the judge's last word on a batch, for the pooled day and for a replay."""
        if judgement is not None:
            self.judged[batch.index] = judgement
            self.keep_judgements(None, JudgedBy(self.policy))

    def keep_judgements(self, day: DayJudgement | None, policy: JudgedBy) -> None:
        """Store what the judge said of each batch and of the day (None: not yet), and by which policy, for `rollout replay`."""
        self._stop_if_lost()
        write_judgements(self.folder, self.judged, self.restart_effects, day, policy)
        self.record.samples["judgements"] = JUDGEMENTS

    def _stop_if_lost(self) -> None:
        """A run writes into its folder only as long as its fleet is its own: whoever settles it vouches for what is there. Raises OwnershipLost."""
        if self.owns:
            self.ownership.check()

    def stop_unless_harmless(self, day: DayJudgement) -> None:
        """A day whose voting metrics are worse than the plan allows comes back. Raises GateFailed."""
        if day.verdict is Verdict.FAIL:
            raise GateFailed("impact", [finding for finding in self.record.findings["impact"] if finding.verdict is Verdict.FAIL])
