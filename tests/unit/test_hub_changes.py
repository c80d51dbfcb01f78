"""Two hubs become a pair and one again: what is touched, what is read back, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from rollout.alerting.contacts import AlertingAccess, AlertmanagerAccess, Contact
from rollout.change import Snapshot
from rollout.changes.hubs import HubService, says
from rollout.changes.outage import HubOutage
from rollout.changes.routing import Routing
from rollout.clock import Deadline
from rollout.errors import ActFault, Drift
from rollout.fleet import Agent
from rollout.services.hub_files import prometheus_file, web_file
from rollout.services.hub_routes import HubRoutes
from rollout.services.hub_targets import HubTargets
from rollout.services.pair_targets import PairTargets
from tests.fakes.pair import ORIGINAL, PASSWORD, PairWorld


@pytest.fixture
def world() -> PairWorld:
    """A pair that is none yet."""
    return PairWorld()


def hubs(world: PairWorld) -> HubService:
    """The change of the hubs themselves."""
    return HubService("hubs", world.pair, 5.0)


def act(world: PairWorld, change: HubService | Routing | HubOutage, *agents: Agent) -> list[Snapshot]:
    """Snapshot, apply, and see that it shows."""
    snapshots = change.snapshot(agents)
    change.apply(agents, Deadline.after(world.clock, 30), lambda: None)
    assert [reading.reason for reading in change.read_applied(agents, 0.0)] == [""] * len(agents)
    return snapshots


def back(world: PairWorld, change: HubService | Routing | HubOutage, snapshots: list[Snapshot]) -> None:
    """Restore, and see that it shows."""
    change.restore(snapshots, Deadline.after(world.clock, 30), lambda: None)
    assert [reading.reason for reading in change.read_restored(snapshots)] == [""] * len(snapshots)


def paired(world: PairWorld) -> list[Snapshot]:
    """Both hubs, the edge first; their snapshots, the newest first."""
    central, edge = world.hubs
    first = act(world, hubs(world), edge.agent)
    return [*act(world, hubs(world), central.agent), *first]


def test_the_pair_is_in_force_when_both_hubs_are_deployed(world: PairWorld) -> None:
    """Before day 2, and in the middle of it, there is one hub: the world says so, not the site file."""
    central, edge = world.hubs
    assert not world.pair.in_force
    act(world, hubs(world), edge.agent)
    assert not world.pair.in_force
    act(world, hubs(world), central.agent)
    assert world.pair.in_force


def test_the_way_back_leaves_every_file_and_program_as_it_was(world: PairWorld) -> None:
    """Central runs its own definition again, the edge is gone with its secret; only the copies that were made for the way back stay."""
    before = {name: dict(machine.files_by_path) for name, machine in world.memory.items()}
    back(world, hubs(world), paired(world))
    assert world.memory["mainpc"].running["central"][0] == ORIGINAL
    assert world.memory["pc2"].running == {}
    for name, machine in world.memory.items():
        assert {file: text for file, text in machine.files_by_path.items() if "/prior/" not in file} == before[name]


def test_a_hub_that_reads_its_log_back_is_not_restarted_again(world: PairWorld) -> None:
    """Restored and not ready yet: it is said, and trying again leaves its process alone; one that does not run as it did is restarted."""
    snapshots = paired(world)
    change, deadline = hubs(world), Deadline.after(world.clock, 30)
    world.deaf.add("central")
    change.restore(snapshots, deadline, lambda: None)
    assert [reading.reason for reading in change.read_restored(snapshots)] == ["hub central is not ready", ""]
    restored = world.memory["mainpc"].running["central"]
    change.restore(snapshots, deadline, lambda: None)
    assert world.memory["mainpc"].running["central"] == restored
    del world.memory["mainpc"].running["central"]
    world.deaf.clear()
    back(world, change, snapshots)


def test_no_secret_stands_in_a_snapshot(world: PairWorld) -> None:
    """A second change of a pair snapshots a password and a hash: the ledger gets digests."""
    paired(world)
    for snapshot in hubs(world).snapshot([hub.agent for hub in world.hubs]):
        assert PASSWORD not in json.dumps(dict(snapshot.settings))
        assert all(value is None or value.startswith("sha256:") for value in snapshot.settings.values())


def test_a_configuration_that_promtool_refuses_touches_nothing(world: PairWorld) -> None:
    """Neither a file nor a program changes, and the refusal carries promtool's words."""
    edge = world.hubs[1]
    machine = world.memory["pc2"]
    machine.objection = "FAILED: parsing YAML file: unknown field"
    before = dict(machine.files_by_path)
    assert "unknown field" in hubs(world).refused()[edge.agent.id]
    with pytest.raises(ActFault, match="unknown field"):
        hubs(world).apply([edge.agent], Deadline.after(world.clock, 30), lambda: None)
    assert (machine.files_by_path, machine.definitions, machine.restarted) == (before, {}, [])


def test_a_hub_is_not_restarted_over_somebody_elses_edit(world: PairWorld) -> None:
    """A program that is neither hub nor watchdog and differs on disk is drift, not ours to bring into effect."""
    edge = world.hubs[1]
    world.memory["pc2"].foreign.add("Worker")
    with pytest.raises((ActFault, Drift), match="somebody else"):
        hubs(world).apply([edge.agent], Deadline.after(world.clock, 30), lambda: None)
    assert world.memory["pc2"].restarted == []


def test_somebody_elses_edit_keeps_no_hub_from_coming_back(world: PairWorld) -> None:
    """Going back restarts hub and watchdog alone: the edit beside them goes on waiting."""
    snapshots = paired(world)
    world.memory["pc2"].foreign.add("Worker")
    back(world, hubs(world), snapshots)
    assert "Worker" not in world.memory["pc2"].restarted
    assert "Worker" in world.memory["pc2"].pending().changed


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda world: world.open.add("edge"), "answers without credentials"),
        (lambda world: world.deaf.add("edge"), "not ready"),
        (lambda world: world.lost.update(edge="global: {}"), "does not run the configuration"),
        (lambda world: world.memory["pc2"].running.pop("hub-watchdog"), "watchdog does not run"),
        (lambda world: world.memory["pc2"].definitions.update(edge="edited"), "not what is defined on disk"),
    ],
)
def test_each_witness_of_a_deployed_hub_is_heard(world: PairWorld, spoil: object, sentence: str) -> None:
    """A hub that says too little, too much or something else is not verified, and the reason is named."""
    paired(world)
    spoil(world)  # type: ignore[operator]
    (reading,) = hubs(world).read_applied([world.hubs[1].agent], 0.0)
    assert sentence in reading.reason


def test_each_hub_sends_only_what_it_scraped_itself(world: PairWorld) -> None:
    """The loop guard stands in both configurations, and every job labels its targets with the hub's name."""
    for hub in world.hubs:
        config = json.loads(prometheus_file(hub, world.pair))
        (write,) = config["remote_write"]
        assert write["write_relabel_configs"] == [{"source_labels": ["scraped_by"], "regex": hub.name, "action": "keep"}]
        assert write["url"] == f"{world.pair.peer(hub).access.url}/api/v1/write"
        for job in config["scrape_configs"]:
            assert {"target_label": "scraped_by", "replacement": hub.name, "action": "replace"} in job["relabel_configs"]
            if "file_sd_configs" in job:
                assert [file.split("/")[-2] for file in job["file_sd_configs"][0]["files"]] == ["targets", "takeover"]


def test_each_hub_scrapes_itself_and_its_watchdog(world: PairWorld) -> None:
    """What the pair's dashboard shows is scraped by somebody: the hub's own account of what it sent, and the watchdog of its machine."""
    for hub in world.hubs:
        static = {job["job_name"]: job for job in json.loads(prometheus_file(hub, world.pair))["scrape_configs"] if "static_configs" in job}
        targets = {name: job["static_configs"][0]["targets"] for name, job in static.items()}
        assert targets == {"hub": [f"{hub.machine.address}:{hub.access.port}"], "watchdog": [f"{hub.machine.address}:9191"]}
        assert static["hub"]["basic_auth"]["password_file"] == str(hub.password)


def test_a_hash_that_fits_is_kept() -> None:
    """Bcrypt salts each hash anew; without this every run would find the hub changed. Another password gets another hash."""
    first = web_file("lab", PASSWORD, None)
    assert PASSWORD not in first
    assert web_file("lab", PASSWORD, first) == first
    assert web_file("lab", "another", first) != first


def test_a_running_configuration_may_say_more_but_not_less() -> None:
    """Prometheus adds its defaults; what was wanted must be there, lists in full."""
    wanted = {"jobs": [{"name": "a"}], "interval": "1s"}
    assert says({"jobs": [{"name": "a", "path": "/metrics"}], "interval": "1s", "more": 1}, wanted)
    assert not says({"jobs": [{"name": "a"}, {"name": "b"}], "interval": "1s"}, wanted)
    assert not says({"jobs": [{"name": "a"}]}, wanted)
    assert not says(None, wanted)


def routing(world: PairWorld) -> Routing:
    """The change of the routes."""
    return Routing("routing", HubRoutes(world.pair), world.clock)


def keys(world: PairWorld, place: str, job: str) -> set[str]:
    """Whom a target file names, as machine or machine/agent; place: hub and shelf."""
    hub = world.hubs[0] if place.startswith("central") else world.hubs[1]
    folder = hub.access.targets if place.endswith("targets") else hub.standby
    entries = json.loads(world.text(hub, folder / f"{job}.json") or "[]")
    return {"/".join(entry["labels"][label] for label in ("machine", "agent") if label in entry["labels"]) for entry in entries}


def test_agents_go_to_their_own_machines_hub_and_the_other_stands_by(world: PairWorld) -> None:
    """plan.md lines 126-132; a hub's agent takes its machine's exporters along; metrics that are off stay off."""
    paired(world)
    act(world, routing(world), *world.fleet.agents)
    assert keys(world, "central targets", "probe") == keys(world, "edge standby", "probe") == {"mainpc/Worker", "mainpc/Hub"}
    assert keys(world, "edge targets", "probe") == keys(world, "central standby", "probe") == {"pc2/Worker", "pc2/Hub"}
    assert keys(world, "central targets", "process") == {"mainpc"}
    assert keys(world, "edge targets", "load") == {"pc2"}
    assert keys(world, "central targets", "agents") == keys(world, "edge standby", "agents") == {"mainpc/Worker"}
    assert keys(world, "edge targets", "agents") == set()


def test_the_routes_come_back_and_then_the_hubs(world: PairWorld) -> None:
    """Every agent is at central alone again, and central is what it was."""
    services = paired(world)
    routes = act(world, routing(world), *world.fleet.agents)
    back(world, routing(world), routes)
    assert keys(world, "central targets", "probe") == {agent.id for agent in world.fleet.agents}
    assert keys(world, "edge targets", "probe") == keys(world, "central standby", "probe") == set()
    back(world, hubs(world), services)


def test_an_agent_stays_at_its_old_hub_until_the_new_one_has_scraped_it(world: PairWorld) -> None:
    """A dead edge takes nobody over: the act is refused by name, and central still scrapes them."""
    paired(world)
    world.deaf.add("edge")
    moved = [agent for agent in world.fleet.agents if agent.machine == "pc2"]
    with pytest.raises(ActFault, match="does not see") as refused:
        routing(world).apply(moved, Deadline.after(world.clock, 30), lambda: None)
    assert set(refused.value.agents) == {"pc2/Worker", "pc2/Hub"}
    assert {"pc2/Worker", "pc2/Hub"} <= keys(world, "central targets", "probe")


def test_what_a_hub_has_taken_over_is_no_wrong_route(world: PairWorld) -> None:
    """A watchdog that doubts the peer has its hub scrape the peer's targets too: the routes stand all the same."""
    paired(world)
    act(world, routing(world), *world.fleet.agents)
    edge = world.hubs[1]
    world.memory["pc2"].files_by_path[str(edge.takeover / "probe.json")] = world.text(edge, edge.standby / "probe.json") or ""
    assert [reading.reason for reading in routing(world).read_applied(world.fleet.agents, 0.0)] == [""] * 4


def test_what_a_hub_has_taken_over_is_scraped(world: PairWorld) -> None:
    """While central is dead the edge scrapes its agents: who asks whether an agent is scraped hears yes; without the takeover, nothing."""
    paired(world)
    act(world, routing(world), *world.fleet.agents)
    central, edge = world.hubs
    targets = PairTargets(
        HubTargets(central.access.url, central.access.targets, central.machine.transport, {}, httpx.Client()), HubRoutes(world.pair)
    )
    world.deaf.add("central")
    assert "mainpc/Worker" not in targets.active()
    world.memory["pc2"].files_by_path[str(edge.takeover / "agents.json")] = world.text(edge, edge.standby / "agents.json") or ""
    assert targets.active()["mainpc/Worker"]


def test_an_outage_ends_on_the_way_back(world: PairWorld) -> None:
    """A drill's victim is down when read, and ready when restored, by whoever restores it."""
    paired(world)
    outage = HubOutage("outage", world.pair)
    snapshots = act(world, outage, world.hubs[0].agent)
    assert "central" not in world.memory["mainpc"].running
    back(world, outage, snapshots)
    assert "central" in world.memory["mainpc"].running


def test_a_hub_with_rules_goes_on_to_evaluate_them(world: PairWorld) -> None:
    """What alerts before day 2 alerts after it: rules, the Alertmanager and the rollout's state stand in the hub that has rules, and in no other."""
    manager = AlertmanagerAccess(url="http://mainpc.test:9093", machine="mainpc", config=Path("/mainpc/alertmanager.yaml"))
    alerting = AlertingAccess(alertmanager=manager, contacts={"operators": Contact(webhook="http://mainpc.test:1")}, state="mainpc.test:9258")
    central, edge = world.hubs
    ruled = replace(central, access=central.access.model_copy(update={"rules": Path("/mainpc/rules")}))
    pair = replace(world.pair, hubs=(ruled, edge), alerting=alerting)
    first, second = (json.loads(prometheus_file(hub, pair)) for hub in pair.hubs)
    assert first["rule_files"] == ["/mainpc/rules/*.yaml"]
    assert first["alerting"]["alertmanagers"] == [{"scheme": "http", "static_configs": [{"targets": ["mainpc.test:9093"]}]}]
    (state,) = (job for job in first["scrape_configs"] if job["job_name"] == "state")
    assert state["static_configs"] == [{"targets": ["mainpc.test:9258"]}]
    assert not {"rule_files", "alerting"} & second.keys()
    assert "state" not in {job["job_name"] for job in second["scrape_configs"]}
