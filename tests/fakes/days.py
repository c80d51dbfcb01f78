"""Whole days on a site in memory without a server: the flow itself, people's commands, and what may happen to both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pandas as pd
from prefect.exceptions import Pause
from prefect.logging import disable_run_logger

import flows.conclusion
import flows.day_run
import flows.hold
import flows.opening
import rollout.emergency
import rollout.left_open
import tasks.gate
import tasks.validate
from expectations import validate
from flows.flag_day import FlagParameters, flag_day
from flows.hold import HoldAnswer
from rollout.acceptance import accept
from rollout.audit import Answer, AuditEntry, AuditFile, Order
from rollout.change import BeforeEach
from rollout.clock import Deadline
from rollout.control import give_order
from rollout.emergency import Call, take_back
from rollout.errors import SourceFault
from rollout.finishing import finish
from rollout.freeze import Freeze
from rollout.observe.prometheus import Sources
from rollout.ownership import Ownership
from rollout.parameters import OnCancel
from rollout.plan import RollbackScope, load_plan
from rollout.protocols import METRICS_OFF
from rollout.run_ledger import run_ledger, run_ledgers
from rollout.services.port import Service
from rollout.verdict import Evidence, Finding
from tests.fakes.clock import JumpingClock
from tests.fakes.machine import FLAG, MemoryAgent, MemoryMachine, MemoryWorld
from tests.fakes.processes import Happening, Place, Processes
from tests.fakes.site import memory_site
from tests.fakes.watch import WELL, Watch

PLAN = load_plan(Path(__file__).with_name("schedules.yaml"))
FARES = (WELL, "sick", "unseen", "no number")
"""How an agent may fare by its metrics source: probes all answered, half of them, no series of it, NaN."""
JUDGED: dict[object, tuple[Finding, ...]] = {}
"""What the gates said, by all that they were given: the same question is not asked of Great Expectations a thousand times."""


class WatchedMachine(MemoryMachine):
    """A machine on which every look is a moment of the process that looks, and every act is seen and may be its last."""

    days: MemoryDays

    def services(self, only: Collection[str] | None = None) -> Mapping[str, Service]:
        """A moment, then as told."""
        self.days.processes.moment(Place.WORKER)
        return super().services(only)

    def configure(self, name: str, settings: Mapping[str, str | None]) -> None:
        """Seen, then on disk."""
        self._act(name, on=settings.get(FLAG) == "true")
        super().configure(name, settings)

    def restart(self, names: Collection[str], deadline: Deadline, before_each: BeforeEach) -> Mapping[str, str]:  # type: ignore[override]
        """One after the other, each seen."""
        refused: dict[str, str] = {}
        for name in sorted(names):

            def checked(name: str = name) -> None:
                self.days.processes.moment(Place.WORKER)
                before_each()
                self._act(name, on=self.agents[name].configured.get(FLAG) == "true")

            refused |= super().restart([name], deadline, checked)
        return refused

    def _act(self, name: str, *, on: bool) -> None:
        self.days.watch.act(f"{self.name}/{name}", on=on)
        self.days.processes.moment(Place.ACT)


class FareSource:
    """A metrics source that knows how each agent fares."""

    name = "fares"

    def __init__(self, days: MemoryDays) -> None:
        self._days = days
        self.fares = dict.fromkeys(days.world.all, WELL)
        self.down = False

    def require_fresh(self) -> None:
        """Fresh while it is up."""
        if self.down:
            raise SourceFault("fares does not answer")

    def now(self, query: str) -> pd.DataFrame:
        """A look's first question is a moment; the other three see what that one saw."""
        if "sum_over_time" in query:
            self._days.processes.moment(Place.ANYWHERE)
            self.require_fresh()
            self._days.watch.looked(self.fares)
        value = 0.0 if "changes" in query else 1.0 if "sum_over_time" in query or "process_count" in query else 100.0
        half = 0.5 if "sum_over_time" in query else value
        told = {WELL: value, "sick": half, "no number": float("nan") if half != value else value}
        rows = [(*agent.split("/"), told[fare]) for agent, fare in self.fares.items() if fare in told]
        return pd.DataFrame(rows, columns=["machine", "agent", "value"])


class MemoryDays:
    """Six agents, one plan, and everybody who does something to them."""

    def __init__(self, folder: Path) -> None:
        self.processes = Processes()
        self.world = MemoryWorld(self.processes.clock, self._machine)
        self.watch = Watch(self.world, self.processes, folder)
        self.processes.wrote = self.watch.wrote
        self.source = FareSource(self)
        self.site = replace(memory_site(self.world, folder), sources=Sources([self.source]))  # type: ignore[list-item]
        self.answer: Answer | None = None
        self.edited = False  # whether somebody has ever edited an agent, which nobody of ours can undo
        self.runs: list[str] = []
        self.days: dict[str, FlagParameters] = {}

    def _machine(self, name: str, agents: Sequence[MemoryAgent], clock: JumpingClock) -> MemoryMachine:
        machine = WatchedMachine(name, agents, clock)
        machine.days = self
        return machine

    @cached_property
    def audit(self) -> AuditFile:
        """What people said."""
        return AuditFile(self.site.state)

    def telling(self, secret: str) -> list[Path]:
        """Files of the site's whole state folder that hold it."""
        return [file for file in self.site.state.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]

    def new_run(self) -> str:
        """An id that no run has."""
        self.runs.append(f"00000000-0000-0000-0000-{len(self.runs):012d}")
        return self.runs[-1]

    def open_run(self) -> str | None:
        """The run that has to be settled before another may begin."""
        ledgers = run_ledgers(self.site.runs, self.world.clock)
        return next((ledger.run for ledger in ledgers if not ledger.settled), None)

    def new_day(self, scope: RollbackScope | None, on_cancel: OnCancel) -> str:
        """A run that is to be started with these; every further attempt of it has the same."""
        run = self.new_run()
        self.days[run] = FlagParameters(plan=PLAN.plan, site="memory", rollback_scope=scope, on_cancel=on_cancel)
        self.watch.scopes[run] = scope
        return run

    def day(self, run: str, happens: Sequence[tuple[int, Happening]] = ()) -> BaseException | None:
        """An attempt of that run, from the top of its flow to its end."""

        def work() -> None:
            with patch.object(flows.opening, "flow_run", SimpleNamespace(id=run)):
                flag_day.fn(self.days[run])

        return self.processes.run(work, happens)

    def settle(self, run: str, happens: Sequence[tuple[int, Happening]] = ()) -> BaseException | None:
        """`rollout settle`."""
        return self.processes.run(lambda: finish(run, self.site.file), happens)

    def accept(self, run: str, happens: Sequence[tuple[int, Happening]] = ()) -> BaseException | None:
        """`rollout accept`."""
        return self.processes.run(lambda: accept(run, "ann", "seen by eye", self.site.file), happens)

    def emergency(self, happens: Sequence[tuple[int, Happening]] = ()) -> BaseException | None:
        """`rollout emergency metrics`."""
        run = self.new_run()
        self.watch.emergencies.add(run)
        return self.processes.run(lambda: take_back(Call(run, "ann", "too slow"), METRICS_OFF, self.site.file, Path("schedules.yaml")), happens)

    def order(self, order: Order) -> BaseException | None:
        """`rollout pause|resume|step|abort` for the run that has the fleet; Refused where it is not at work."""
        ownership = Ownership(self.site.state / "fleets", self.site.fleet.name, self.site.clock)
        holder = ownership.holder()
        entry = AuditEntry(self.site.clock.now(), holder.run if holder else "nobody", order, "ann", "because")
        return self.processes.run(lambda: give_order(entry, self.audit, ownership, self.site.clock))

    def freeze(self, seconds: float) -> None:
        """A window that opens now."""
        begins = datetime.fromtimestamp(self.world.clock.time, UTC)
        window = Freeze.model_validate({"from": begins, "to": begins + timedelta(seconds=seconds), "reason": "holidays"})
        object.__setattr__(self.world.fleet, "freezes", (window,))

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Flows and commands find this site, this plan, and no server."""
        targets: list[tuple[Any, str, object]] = [
            (flows.opening, "named_plan", lambda _: PLAN),
            (rollout.left_open, "named_plan", lambda _: PLAN),
            (rollout.emergency, "load_plan", lambda _: PLAN),
            *((module, "load_site", lambda *_: self.site) for module in (flows.opening, rollout.left_open, rollout.emergency)),
            (rollout.left_open, "ledger_of", lambda run, _: run_ledger(self.site.runs, run, self.site.clock)),
            (flows.day_run, "publish_progress", lambda *_: None),
            (flows.conclusion, "publish_artifacts", lambda _: None),
            (flows.conclusion, "draw_report", lambda _: None),
            (flows.hold, "suspend_flow_run", self._suspend),
            (HoldAnswer, "load", self._answered),
            (tasks.gate, "validate", self._validate),
            (tasks.validate, "validate", self._validate),
        ]
        patches = [patch.object(*target) for target in targets]
        with self.processes.in_force(), disable_run_logger():
            for each in patches:
                each.start()
            try:
                yield
            finally:
                for each in patches:
                    each.stop()

    def _suspend(self, **_: object) -> None:
        raise Pause("held")

    def _answered(self, *_: object) -> HoldAnswer:
        if self.answer is None:
            raise KeyError("nobody has answered")
        return HoldAnswer(decision=self.answer, name="ann", reason="seen by eye")

    def _validate(
        self,
        suite: str,
        frame: pd.DataFrame,
        bounds: Mapping[str, float],
        evidence: Evidence,
        *,
        agents: Sequence[str] = (),
        metrics: Sequence[str] = (),
    ) -> tuple[Finding, ...]:
        key = (suite, repr(frame.to_dict("records")), tuple(bounds.items()), evidence.samples, tuple(agents))
        if key not in JUDGED:
            JUDGED[key] = validate(suite, frame, bounds, evidence, agents=agents, metrics=metrics)
        findings = tuple(replace(finding, evidence=finding.evidence and evidence) for finding in JUDGED[key])
        self.watch.judged(suite, agents, findings)
        return findings
