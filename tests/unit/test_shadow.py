"""Shadows: a second instance beside the real one, measured and ended, while the real one is never touched."""

from __future__ import annotations

import sys
from pathlib import PurePath

import pytest

from rollout.changes.feature import LAZY_LOADING
from rollout.clock import Deadline, SystemClock, wait_until
from rollout.plan import ShadowStarts
from rollout.services.port import ServiceState
from rollout.shadow import MARK, ShadowHost, end_shadows
from rollout.transports.local import LocalTransport
from rollout.transports.port import Invocation
from tests.fakes.machine import MemoryChild, MemoryWorld

HOW = ShadowStarts(starts=5, first_requests=1, within=3, address="AGENT_ADDRESS", port="AGENT_PORT", health_port="AGENT_HEALTH_PORT")
PROFILE = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:      2000 |       2100 | io
ready
"""


@pytest.fixture
def world() -> MemoryWorld:
    """Six healthy agents."""
    return MemoryWorld()


@pytest.fixture
def host(world: MemoryWorld) -> ShadowHost:
    """What starts their shadows."""
    return ShadowHost(world.machines, world.prober, world.clock, HOW, "/here")


def test_a_shadow_is_the_real_one_on_scratch_ports_and_ends(world: MemoryWorld, host: ShadowHost) -> None:
    """Same words, folder and environment; other ports, on loopback; nothing by which a supervisor would know it. The real one keeps its process."""
    real = world.all["east/Agent0"]
    real.process.environment["SUPERVISOR_PROCESS_NAME"] = "Agent0"  # type: ignore[index]
    start = host.start(world.agents[0], {LAZY_LOADING.flag: "true"}, "/work?x=1")
    (spawned,) = world.east.spawned
    assert (spawned.arguments, str(spawned.folder)) == (("python", "-m", "agent"), "/srv")
    own = {"ROLLOUT_SHADOW": "/here", "AGENT_ADDRESS": "127.0.0.1", "AGENT_PORT": "40000", "AGENT_HEALTH_PORT": "40001", LAZY_LOADING.flag: "true"}
    assert spawned.environment == {"API_TOKEN": "hunter2"} | own
    assert start.seconds is not None
    assert start.first_request is not None
    assert start.resident == 20
    assert start.import_seconds is None
    assert all(child.killed for child in world.east.shadows.values())
    assert world.east.restarted == []


def test_imports_are_timed_where_they_are_asked_for(world: MemoryWorld, host: ShadowHost) -> None:
    """The sum of what each module took itself, as -X importtime prints it; nested modules count once."""
    world.east.births = lambda invocation: MemoryChild(invocation, words=PROFILE)
    assert host.start(world.agents[0], {}, profiled=True).import_seconds == pytest.approx(0.0021)
    assert world.east.spawned[0].environment["PYTHONPROFILEIMPORTTIME"] == "1"


def test_a_shadow_that_dies_is_told_by_the_kind_of_its_error(world: MemoryWorld, host: ShadowHost) -> None:
    """Not by its words, which may hold a secret; nothing is measured, and it is ended all the same."""
    world.east.births = lambda invocation: MemoryChild(invocation, dies=True, words="Traceback ...\nvendor.errors.LoginError: hunter2\n")
    start = host.start(world.agents[0], {})
    assert (start.seconds, start.reason) == (None, "ended by itself, LoginError")
    assert all(child.killed for child in world.east.shadows.values())


def test_a_shadow_that_never_answers_costs_its_limit_and_no_more(world: MemoryWorld, host: ShadowHost) -> None:
    """Ended after the plan's seconds."""
    world.east.births = lambda invocation: MemoryChild(invocation, silent=True)
    began = world.clock.now()
    assert host.start(world.agents[0], {}).reason == "not healthy within 3 s"
    assert world.clock.now() - began == pytest.approx(3, abs=0.1)


def test_who_does_not_run_has_no_shadow(world: MemoryWorld, host: ShadowHost) -> None:
    """How an agent is started is read from its process; without one nobody guesses."""
    world.all["east/Agent0"].state = ServiceState.STOPPED
    assert "does not run" in host.start(world.agents[0], {}).reason
    assert world.east.spawned == []


def test_a_shadow_that_outlived_its_run_is_found_by_its_mark(world: MemoryWorld) -> None:
    """Only those of this place are ended; the shadows of another, and what has no mark, live on."""
    world.east.strays = {9001: {MARK: "/here"}, 9002: {MARK: "/there"}, 9003: {}}
    end_shadows(world.machines, "/here")
    assert set(world.east.strays) == {9002, 9003}
    assert world.all["east/Agent0"].process.pid in world.east.processes()


def test_it_is_known_how_a_process_was_started() -> None:
    """Arguments, environment and folder of a real process, read back from a child of ours; it is gone when it was ended."""
    transport = LocalTransport("127.0.0.1")
    wanted = Invocation((sys.executable, "-c", "import time; time.sleep(60)"), {"A": "1"}, PurePath("/"))
    child = transport.spawn(wanted)
    try:
        assert child.resident()
        assert not child.ended()
        assert wait_until(lambda: transport.invocation(child.pid) == wanted or None, Deadline.after(SystemClock(), 10), 0.05)
        assert len(set(transport.free_ports(3))) == 3
    finally:
        child.end()
    assert child.ended()
    assert transport.invocation(child.pid) is None
