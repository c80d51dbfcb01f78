"""Our own state as metrics: what a folder holds is what is served, and what cannot be read is said."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pandas as pd
from prometheus_client.parser import text_string_to_metric_families

from rollout.alert import AlertLevel, Situation
from rollout.alerting.drill_order import DrillFile, DrillOrder
from rollout.audit import AuditEntry, AuditFile, Order
from rollout.errors import SourceFault
from rollout.fleet import Fleet
from rollout.incident import IncidentEntry, IncidentFile, IncidentStep
from rollout.incident_keeper import PROBES, IncidentKeeper, probed_situation
from rollout.ledger import Step
from rollout.observe.exporter import ExporterServer
from rollout.observe.prometheus import Sources
from rollout.observe.state_exporter import StateReader
from rollout.observe.state_folder import State, StateFolder
from rollout.plan import load_plan
from rollout.progress import Decision
from rollout.report import BatchReport
from rollout.report_file import write_report
from rollout.rollbacks import announce, last_rollback
from tests.lab.world_of_six import get
from tests.unit.conftest import World, world
from tests.unit.reports import BATCH, ROLLBACK, report

__all__ = ["world"]
PLAN = load_plan(Path(__file__).parents[2] / "plans" / "week3.yaml")


class Served:
    """A state folder and what is served of it. situation: what the keeper sees."""

    def __init__(self, of: World) -> None:
        self.world = of
        self.fleet = Fleet("memory", of.agents)
        self.situation = Situation({agent.id: True for agent in of.agents}, {"central": True})
        self.keeper = IncidentKeeper(self._folder(), IncidentFile(of.folder), self._see, PLAN, of.clock)
        self._reader = StateReader(self._folder(), self.fleet, self.keeper, 60.0, of.clock)

    def _folder(self) -> StateFolder:
        return StateFolder(self.world.folder, "memory", self.world.clock)

    def _see(self, state: State, now: float) -> Situation:
        return self.situation

    def samples(self) -> dict[tuple[str, ...], float]:
        """(name, label values in the order of their names) to value, over HTTP as Prometheus has it."""
        with ExporterServer(("127.0.0.1", 0), self._reader) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            status, text = get("127.0.0.1", server.server_address[1], "/metrics")
            server.shutdown()
            thread.join()
        assert status == 200
        families = text_string_to_metric_families(text.decode())
        return {(s.name.removeprefix("rollout_"), *(s.labels[n] for n in sorted(s.labels))): s.value for f in families for s in f.samples}


def open_run(of: World) -> None:
    """A run that owns the fleet."""
    ledger, ownership = of.ledger(), of.ownership()
    ownership.claim("run-1", of.folder / "runs")
    ledger.append(ownership.epoch, Step.OPENED, day=1, change="metrics", site="lab")


def test_an_empty_folder_tells_the_fleet_and_that_nothing_is_open(world: World) -> None:
    """Before any run every agent of the fleet is there, none changed, no incident, no level before the first look."""
    samples = Served(world).samples()
    assert sum(value for key, value in samples.items() if key[0] == "fleet_agent") == 12
    assert samples["agent_changed", "Agent0", "east"] == 0
    assert samples["incident_open",] == 0
    assert ("alert_level",) not in samples


def test_a_batch_in_flight_and_decided(world: World) -> None:
    """Restarting agents are planned absences while their batch is acted on; then the batch has its times, its decision and its verdict."""
    open_run(world)
    executor, served = world.executor(), Served(world)
    began = world.clock.now()
    world.ledger().intend(1, world.change.snapshot(world.agents[:2]), 1)
    assert served.samples()["agent_restart_planned", "Agent0", "east"] == 1
    world.clock.sleep(61)
    assert ("agent_restart_planned", "Agent0", "east") not in served.samples()  # away for longer than planned is away
    executor = world.executor()
    executor.activate(world.agents[:2], 1)
    verified = world.clock.now()
    said = BatchReport.model_validate(BATCH.model_dump() | {"decision": Decision.PROMOTE.value})
    executor.ledger.append(1, Step.DECIDED, batch=1, goes_on=True, report=said.model_dump(mode="json"))
    samples = served.samples()
    assert (samples["batch_began_timestamp_seconds", "1", "run-1"], samples["batch_verified_timestamp_seconds", "1", "run-1"]) == (began, verified)
    assert samples["batch_decided_timestamp_seconds", "1", "promote", "run-1"] == verified
    assert (samples["batch_agents", "1", "run-1"], samples["batch_verdict", "1", "run-1"]) == (2, 0)
    assert (samples["agent_changed", "Agent1", "east"], samples["agent_batch", "Agent1", "east"]) == (1, 1)
    carries = {key[1:] for key in samples if key[0] == "agent_carries"}
    assert carries >= {("Agent1", "1", "yes", "east", "run-1"), ("Agent9", "0", "no", "west", "run-1")}
    assert samples["run_state", "run-1", "at work"] == 1
    assert samples["fleet_owned", "run-1"] == 1


def test_the_clock_of_a_rollback_runs_and_stands_still_when_all_are_back(world: World) -> None:
    """Seconds count from the announcement against the plan's budget; when the last agent is read back they stop; the report's clocks join them."""
    open_run(world)
    executor, served = world.executor(), Served(world)
    executor.activate(world.agents[:2], 1)
    announce(executor.ledger, 1, "gate impact", 120.0)
    world.clock.sleep(7)
    going = served.samples()
    assert (going["rollback_seconds", "run-1"], going["rollback_budget_seconds", "run-1"]) == (7, 120)
    assert going["run_state", "run-1", "rolling back"] == 1
    executor.roll_back()
    world.clock.sleep(50)
    assert served.samples()["rollback_seconds", "run-1"] == 7
    executor.ledger.append(1, Step.CLOSED)
    write_report(world.folder / "reports" / "run-1", report(rollback=ROLLBACK))
    over = served.samples()
    assert over["run_state", "run-1", "settled"] == 1
    assert over["rollback_clock_seconds", "restored", "run-1"] == 12.34
    assert over["criteria", "1", "MET"] == 1


def test_a_rehearsal_on_the_canary_is_no_rollback(world: World) -> None:
    """Only an announced way back has a clock and opens an incident."""
    open_run(world)
    executor, served = world.executor(), Served(world)
    executor.activate(world.agents[:1], 0)
    executor.roll_back([world.agents[0].id])
    served.keeper.look()
    assert last_rollback(executor.ledger) is None
    assert served.samples()["incident_open",] == 0


def test_the_keeper_opens_and_closes_and_a_restart_of_it_changes_no_age(world: World) -> None:
    """ORANGE for 15 s opens an incident as old as the trouble; a new keeper finds it; GREEN for a minute closes it."""
    served = Served(world)
    began = world.clock.now()
    served.situation = Situation(served.situation.agents | {"east/Agent3": False}, {"central": True})
    for _ in range(9):
        served.keeper.look()
        world.clock.sleep(2)
    again = Served(world)
    again.situation = served.situation
    again.keeper.look()
    samples = again.samples()
    assert samples["alert_level",] == AlertLevel.ORANGE
    ages = {key: value for key, value in samples.items() if key[0] == "incident_opened_timestamp_seconds"}
    assert list(ages.values()) == [began]
    again.situation = Situation(dict.fromkeys(served.situation.agents, True), {"central": True})
    for _ in range(33):
        again.keeper.look()
        world.clock.sleep(2)
    assert again.samples()["incident_open",] == 0
    assert [entry.step for entry in IncidentFile(world.folder).entries()] == [IncidentStep.OPENED, IncidentStep.CLOSED]


def test_a_broken_file_is_told_and_costs_nothing_else(world: World) -> None:
    """A ledger, a report and an audit file that cannot be read are named; claim, incident, people's words and the fleet are served all the same."""
    open_run(world)
    served = Served(world)
    AuditFile(world.folder).append(AuditEntry(1.0, "run-1", Order.PAUSE, "ann", "why"))
    IncidentFile(world.folder).append(IncidentEntry(5.0, "incident-1", IncidentStep.OPENED, AlertLevel.RED, "run-1", "x"))
    assert served.samples()["state_file_readable", "runs/run-1/ledger.jsonl"] == 1
    world.ledger().file.write_text("no ledger\n")
    folder = world.folder / "reports" / "run-1"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text("{}")
    (folder / "judgements.json").write_text("[]")
    samples = served.samples()
    broken = {key[1] for key, value in samples.items() if key[0] == "state_file_readable" and value == 0}
    assert broken == {"runs/run-1/ledger.jsonl", "reports/run-1/report.json", "reports/run-1/judgements.json"}
    assert samples["audit_entries_total", "pause"] == 1
    assert samples["incident_open",] == 1
    assert samples["fleet_agent", "Agent0", "east"] == 1
    (world.folder / "fleets" / "memory.json").write_text(json.dumps({"run": "x"}))
    assert served.samples()["state_file_readable", "fleets/memory.json"] == 0


def test_a_drill_shows_beside_the_truth_and_ends_by_itself(world: World) -> None:
    """Its level and its incident carry the label drill, and are gone when its time is over."""
    served = Served(world)
    DrillFile(world.folder).write(DrillOrder("drill-1", world.clock.now(), world.clock.now() + 10))
    assert served.samples()["drill_level", "yes", "RED"] == AlertLevel.RED
    assert served.samples()["incident_opened_timestamp_seconds", "yes", "drill-1", ""] == world.clock.now()
    assert served.samples()["incident_open",] == 0
    world.clock.sleep(11)
    assert ("drill_level", "yes", "RED") not in served.samples()


class Told:
    """A hub with the probes that it is told. silent: whether it has gone."""

    name = "central"

    def __init__(self, probes: dict[str, float]) -> None:
        self._probes = probes
        self.silent = False

    def require_fresh(self) -> None:
        """Fresh unless silent."""
        if self.silent:
            raise SourceFault("central cannot be reached")

    def now(self, query: str) -> pd.DataFrame:
        """One row an agent."""
        assert query == PROBES
        return pd.DataFrame([{"machine": key.split("/")[0], "agent": key.split("/")[1], "value": value} for key, value in self._probes.items()])


def test_the_situation_is_what_the_hub_has_of_each_agent(world: World) -> None:
    """An agent whose probe fails is unwell, one without a probe unseen, one that is being restarted is expected; a silent hub knows nobody."""
    fleet = Fleet("memory", world.agents[:3])
    hub = Told({"east/Agent0": 1.0, "east/Agent1": 0.0, "west/Stranger": 1.0})
    sources = Sources([hub])  # type: ignore[list-item]
    state = Served(world)._folder().read()
    assert probed_situation(fleet, sources, state, 0.0, 60.0) == Situation(
        {"east/Agent0": True, "east/Agent1": False, "east/Agent2": None}, {"central": True}
    )
    open_run(world)
    world.ledger().intend(1, world.change.snapshot(world.agents[1:2]), 1)
    restarting = Served(world)._folder().read()
    assert probed_situation(fleet, sources, restarting, world.clock.now(), 60.0).agents["east/Agent1"] is True
    hub.silent = True
    assert probed_situation(fleet, sources, state, 0.0, 60.0) == Situation(dict.fromkeys(fleet.by_id, None), {"central": False})
