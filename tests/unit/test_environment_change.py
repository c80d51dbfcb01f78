"""A change of environment variables and the activation of metrics, on machines in memory."""

from __future__ import annotations

from pathlib import PurePath

import httpx
import pytest

from rollout.change import Reading
from rollout.changes.environment import EnvironmentChange
from rollout.changes.metrics import MetricsActivation
from rollout.clock import Deadline
from rollout.errors import ActFault, Drift, OwnershipLost, Unreachable
from rollout.fleet import Agent
from rollout.services.hub_targets import HubTargets
from rollout.services.port import Pending
from tests.fakes.machine import EXPOSITION, FLAG, MemoryWorld

ZERO, ONE, FIVE = "east/Agent0", "east/Agent1", "west/Agent5"


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents with their metrics off."""
    return MemoryWorld()


@pytest.fixture
def change(world: MemoryWorld) -> MetricsActivation:
    """Metrics activation; the hub's file lies on east."""
    addresses = {"east": "10.0.0.1", "west": "10.0.0.2"}
    targets = HubTargets("http://hub.test", PurePath("/targets"), world.east, addresses, httpx.Client())
    return MetricsActivation("metrics", world.fleet, world.machines, world.prober, {FLAG: "true"}, targets)


def free() -> None:
    """Nobody objects to an act."""


def cannot_be_written(file: PurePath, _text: str, **_options: bool) -> None:
    """As a full disk answers."""
    raise ActFault(f"{file} cannot be written: No space left on device", ())


def some(world: MemoryWorld, *identities: str) -> list[Agent]:
    """Agents by identity."""
    return [world.fleet.agent(identity) for identity in identities]


def act(world: MemoryWorld, change: EnvironmentChange, *identities: str) -> None:
    """Apply within half a minute."""
    change.apply(some(world, *identities), Deadline.after(world.clock, 30), free)


def read(world: MemoryWorld, change: EnvironmentChange, identity: str, since: float | None = None) -> Reading:
    """One agent's reading, for an act that began now unless said otherwise."""
    (reading,) = change.read_applied(some(world, identity), world.clock.now() if since is None else since)
    return reading


def test_activated_agents_run_with_the_flag_and_are_targets_of_the_hub(world: MemoryWorld, change: MetricsActivation) -> None:
    """Restarted, seen by every witness, scraped from now on; nobody else was touched and no other key changed."""
    act(world, change, ZERO, FIVE)
    assert [each.verified for each in change.read_applied(some(world, ZERO, FIVE), world.clock.now())] == [True, True]
    assert (world.east.restarted, world.west.restarted) == (["Agent0"], ["Agent5"])
    assert world.all[ZERO].process.environment == {"API_TOKEN": "hunter2", FLAG: "true"}
    assert change.targets.written() == {ZERO, FIVE}


def test_a_snapshot_holds_our_keys_and_no_secrets(world: MemoryWorld, change: MetricsActivation) -> None:
    """Absent keys are None, not empty; the process and a fingerprint of the rest stand beside them."""
    world.switch_on(ONE)
    absent, present = change.snapshot(some(world, ZERO, ONE))
    assert (absent.settings, present.settings) == ({FLAG: None}, {FLAG: "true"})
    assert (absent.pid, absent.started) == (100, world.clock.now() - 3600)
    assert absent.fingerprint != present.fingerprint


def test_a_preview_tells_present_and_wanted_value(world: MemoryWorld, change: MetricsActivation) -> None:
    """Before anything is touched, absent keys named as such."""
    world.all[ONE].configured[FLAG] = "false"
    told = [change.describe(snapshot) for snapshot in change.snapshot(some(world, ZERO, ONE))]
    assert told == [f"{FLAG} absent -> true", f"{FLAG} false -> true"]


def test_a_restore_brings_back_absence_and_former_values_alike(world: MemoryWorld, change: MetricsActivation) -> None:
    """Where the key was absent it is absent again; where it was false it is false again; the hub forgets both."""
    world.all[ONE].configured[FLAG] = "false"
    snapshots = change.snapshot(some(world, ZERO, ONE))
    act(world, change, ZERO, ONE)
    change.restore(snapshots, Deadline.after(world.clock, 30), free)
    assert FLAG not in world.all[ZERO].process.environment
    assert world.all[ONE].process.environment[FLAG] == "false"
    assert all(reading.verified for reading in change.read_restored(snapshots))
    assert change.targets.written() == frozenset()


def test_an_agent_that_is_no_target_of_the_hub_is_not_activated(
    world: MemoryWorld, change: MetricsActivation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its metrics answer and nobody collects them: the hub's full disk is the reason that is told, and a repetition mends it."""
    began = world.clock.now()
    with monkeypatch.context() as full:
        full.setattr(world.east, "replace", cannot_be_written)
        with pytest.raises(ActFault, match="No space left"):
            act(world, change, FIVE)
    assert read(world, change, FIVE, began).disagreements == ("it is not among the hub's targets",)
    world.east.unreachable = True
    assert read(world, change, FIVE, began).disagreements == ("whether it is among the hub's targets cannot be seen",)
    world.east.unreachable = False
    act(world, change, FIVE)
    assert read(world, change, FIVE, began).verified


def test_a_target_file_of_somebody_elses_making_keeps_nobody_from_coming_back(world: MemoryWorld, change: MetricsActivation) -> None:
    """Legal for Prometheus and unreadable for us: it is refused before anybody acts on it, and on the way back it is told and passed by."""
    snapshots = change.snapshot(some(world, FIVE))
    act(world, change, FIVE)
    world.east.replace(PurePath("/targets/agents.json"), '[{"targets": ["10.0.0.9:1"]}]')
    with pytest.raises(ActFault, match="no targets with the labels"):
        act(world, change, ONE)
    change.restore(snapshots, Deadline.after(world.clock, 30), free)
    assert FLAG not in world.all[FIVE].process.environment
    assert change.read_restored(snapshots)[0].disagreements == ("whether it is among the hub's targets cannot be seen",)


def test_a_hub_that_cannot_be_told_keeps_nobody_from_coming_back(
    world: MemoryWorld, change: MetricsActivation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk is full, or its machine is dead: the agents are off all the same, and what is left is said and not tried over and over."""
    snapshots = change.snapshot(some(world, ZERO, FIVE))
    act(world, change, ZERO, FIVE)
    with monkeypatch.context() as full:
        full.setattr(world.east, "replace", cannot_be_written)
        change.restore(snapshots[1:], Deadline.after(world.clock, 30), free)
    assert FLAG not in world.all[FIVE].process.environment
    (reading,) = change.read_restored(snapshots[1:])
    assert (reading.disagreements, reading.lasting) == (("it is still among the hub's targets",), True)
    world.east.unreachable = True
    change.restore(snapshots[1:], Deadline.after(world.clock, 30), free)
    assert change.read_restored(snapshots[1:])[0].disagreements == ("whether it is among the hub's targets cannot be seen",)
    world.east.unreachable = False
    change.restore(snapshots, Deadline.after(world.clock, 30), free)
    assert [reading.verified for reading in change.read_restored(snapshots)] == [True, True]


def test_an_agent_that_had_metrics_before_stays_a_target(world: MemoryWorld, change: MetricsActivation) -> None:
    """Its metrics were not ours to take away."""
    world.switch_on(ONE)
    snapshots = change.snapshot(some(world, ONE))
    act(world, change, ONE)
    change.restore(snapshots, Deadline.after(world.clock, 30), free)
    assert change.targets.written() == {ONE}
    assert change.read_restored(snapshots)[0].verified


def test_a_process_older_than_the_act_is_not_changed(world: MemoryWorld, change: MetricsActivation) -> None:
    """The restart was acknowledged and did not happen; the wanted flag of an old process proves nothing."""
    world.switch_on(ZERO)
    world.all[ZERO].ignores_restart = True
    act(world, change, ZERO)
    assert "the process is older than the change" in read(world, change, ZERO).disagreements
    assert read(world, change, ZERO, since=0.0).verified


def test_a_restart_within_the_ticks_of_proc_counts_as_after(world: MemoryWorld, change: MetricsActivation) -> None:
    """/proc counts in ticks: a start 20 ms before the noted moment is the same moment."""
    act(world, change, ZERO)
    assert read(world, change, ZERO, since=world.clock.now() + 0.02).verified
    assert not read(world, change, ZERO, since=world.clock.now() + 0.2).verified


def test_the_running_environment_counts_not_the_configured_one(world: MemoryWorld, change: MetricsActivation) -> None:
    """A new process that was started with the old environment is not changed."""
    world.all[ZERO].keeps_old_environment = True
    act(world, change, ZERO)
    assert f"{FLAG} is absent in the running process, not true" in read(world, change, ZERO).disagreements


def test_an_agent_that_accepts_the_flag_and_shows_nothing_is_found(world: MemoryWorld, change: MetricsActivation) -> None:
    """It says that metrics are on; /metrics says 404."""
    world.all[ZERO].metrics = lambda _request: httpx.Response(404)
    act(world, change, ZERO)
    reading = read(world, change, ZERO)
    assert reading.disagreements == ("/metrics answers 404",)
    assert (reading.row["metrics_status"], reading.row["exposition_valid"], reading.row["health_feature_matches"]) == (404, False, True)


@pytest.mark.parametrize("text", ["<html>\n", EXPOSITION[:-4], ""])
def test_a_broken_exposition_is_found(world: MemoryWorld, change: MetricsActivation, text: str) -> None:
    """200 with something else is no metrics."""
    world.all[ZERO].metrics = lambda _request: httpx.Response(200, text=text)
    act(world, change, ZERO)
    (disagreement,) = read(world, change, ZERO).disagreements
    assert disagreement.startswith("/metrics: ")


def test_an_agent_that_does_not_admit_its_metrics_is_found(world: MemoryWorld, change: MetricsActivation) -> None:
    """plan.md line 87: the health status includes the confirmation."""
    world.all[ZERO].health = lambda _request: httpx.Response(
        200, json={"pid": world.all[ZERO].process.pid, "started": 1, "features": {"metrics": "off"}}
    )
    act(world, change, ZERO)
    assert read(world, change, ZERO).disagreements == ("/health does not say that metrics are on",)


def test_a_verified_agents_row_is_all_true(world: MemoryWorld, change: MetricsActivation) -> None:
    """The frame for the gate says the same as the sentences."""
    act(world, change, ZERO)
    row = read(world, change, ZERO).row
    assert row == {
        "agent": ZERO,
        "running": True,
        "pid_matches_port": True,
        "started_after_act": True,
        "environment_matches": True,
        "health_status": 200,
        "health_pid_matches": True,
        "metrics_status": 200,
        "exposition_valid": True,
        "families": 2,
        "health_feature_matches": True,
    }


def test_metrics_that_remain_after_a_restore_are_found(world: MemoryWorld, change: MetricsActivation) -> None:
    """Off means that /metrics is gone, whatever the configuration says."""
    snapshots = change.snapshot(some(world, ZERO))
    act(world, change, ZERO)
    world.all[ZERO].metrics = lambda _request: httpx.Response(200, text=EXPOSITION)
    change.restore(snapshots, Deadline.after(world.clock, 30), free)
    assert change.read_restored(snapshots)[0].disagreements == ("/metrics still answers 200",)


def test_a_configuration_that_is_not_what_it_was_is_found(world: MemoryWorld, change: MetricsActivation) -> None:
    """The process is right and the next restart would not be."""
    snapshots = change.snapshot(some(world, ZERO))
    world.all[ZERO].configured["LOG_LEVEL"] = "DEBUG"
    assert change.read_restored(snapshots)[0].disagreements == ("its configuration on disk is not what it was",)


def test_an_agent_that_was_never_touched_counts_as_restored(world: MemoryWorld, change: MetricsActivation) -> None:
    """An intention that was not carried out needs no restart."""
    assert change.read_restored(change.snapshot(some(world, ZERO)))[0].verified


def test_a_refused_restart_names_its_agent_after_all_were_tried(world: MemoryWorld, change: MetricsActivation) -> None:
    """One refusal costs nobody else the restart."""
    world.east.refusing = {"Agent0"}
    with pytest.raises(ActFault, match="spawn error") as refused:
        act(world, change, ZERO, ONE, FIVE)
    assert refused.value.agents == (ZERO,)
    assert (world.east.restarted, world.west.restarted) == (["Agent1"], ["Agent5"])


def test_a_lost_program_file_keeps_nobody_else_from_coming_back(world: MemoryWorld, change: MetricsActivation) -> None:
    """The others of its machine are configured and restarted; the lost one is named."""
    snapshots = change.snapshot(some(world, ZERO, ONE))
    act(world, change, ZERO, ONE)
    world.east.lost = {"Agent0"}
    with pytest.raises(ActFault) as refused:
        change.restore(snapshots, Deadline.after(world.clock, 30), free)
    assert refused.value.agents == (ZERO,)
    assert [reading.verified for reading in change.read_restored(snapshots)] == [False, True]


def test_a_dead_machine_names_its_agents_and_the_other_is_done(world: MemoryWorld, change: MetricsActivation) -> None:
    """Machines are independent of each other."""
    world.west.unreachable = True
    with pytest.raises(ActFault, match="west does not answer") as refused:
        act(world, change, ZERO, FIVE)
    assert refused.value.agents == (FIVE,)
    assert world.east.restarted == ["Agent0"]


def test_a_dead_machine_cannot_be_taken_a_snapshot_of(world: MemoryWorld, change: MetricsActivation) -> None:
    """Without the prior state nothing begins."""
    world.west.unreachable = True
    with pytest.raises(Unreachable):
        change.snapshot(some(world, ZERO, FIVE))


@pytest.mark.parametrize("kind", ["added", "changed", "removed"])
def test_a_configuration_changed_by_somebody_else_stops_before_any_restart(world: MemoryWorld, change: MetricsActivation, kind: str) -> None:
    """Somebody else is at work on that machine; their program is named, whether it is new, other or gone on disk."""
    nobody = frozenset[str]()
    world.east.pending = lambda: Pending(**{"added": nobody, "changed": nobody, "removed": nobody, kind: frozenset({"Agent3"})})  # type: ignore[method-assign]
    with pytest.raises(Drift) as drift:
        act(world, change, ZERO)
    assert drift.value.agents == ("east/Agent3",)
    assert world.east.restarted == []


def test_a_configuration_changed_by_somebody_else_keeps_nobody_from_coming_back(world: MemoryWorld, change: MetricsActivation) -> None:
    """A restart carries out only what is configured for the agent that it restarts: on the way back a neighbour's edit is left waiting."""
    snapshots = change.snapshot(some(world, ZERO))
    act(world, change, ZERO)
    world.east.foreign = {"Agent3"}
    change.restore(snapshots, Deadline.after(world.clock, 30), free)
    assert change.read_restored(snapshots)[0].verified
    assert world.east.restarted == ["Agent0", "Agent0"]
    assert world.east.pending().changed == {"Agent3"}


def test_a_process_that_lost_the_fleet_does_not_even_configure(world: MemoryWorld, change: MetricsActivation) -> None:
    """Ownership is asked before the first write."""

    def lost() -> None:
        raise OwnershipLost("somebody else owns it")

    with pytest.raises(OwnershipLost):
        change.apply(some(world, ZERO), Deadline.after(world.clock, 30), lost)
    assert FLAG not in world.all[ZERO].configured


def test_a_configuration_that_cannot_be_read_is_told_of_its_agent(
    world: MemoryWorld, change: MetricsActivation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lost file must not end the rollback of the others."""
    snapshots = change.snapshot(some(world, ZERO, ONE))
    whole = world.east.fingerprint

    def lost(name: str) -> str:
        if name == "Agent0":
            raise ActFault("no [program:...] section", [name])
        return whole(name)

    monkeypatch.setattr(world.east, "fingerprint", lost)
    broken, fine = change.read_restored(snapshots)
    assert broken.disagreements == ("its configuration on disk cannot be read: no [program:...] section",)
    assert fine.verified
