"""PC2 behind a real sshd: changed and brought back over it, and lost before, during and after an act."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from lab.binaries import PROJECT
from rollout.errors import Unreachable
from rollout.executor import Executor, Limits
from rollout.fleet import Agent
from rollout.ledger import CHANGED, Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, load_plan
from rollout.site import Site, load_site
from rollout.transports.ssh import SshTransport
from tests.lab.door import NEEDED, PERMITTED, Door, Loss, opened
from tests.lab.world_of_six import Six

pytestmark = [pytest.mark.lab, pytest.mark.full, *NEEDED]
DAY = load_plan(PROJECT / "plans" / "week3.yaml").day(1)


@pytest.fixture(params=[Loss.ENDED])
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Door]:
    """Open at first; parametrized with how the machine is lost."""
    if request.param is Loss.SILENT and not PERMITTED:
        pytest.skip("no network namespace without root")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    with opened(tmp_path, request.param, apart=PERMITTED) as door:
        yield door


@pytest.fixture
def site(six: Six, door: Door) -> Iterator[Site]:
    """The lab of six with PC2 behind that door."""
    file = six.file.with_name("far.yaml")
    file.write_text(door.site_file(six))
    made = load_site(file, DAY.deadlines)
    yield made
    transport = made.machines["pc2"].transport
    assert isinstance(transport, SshTransport)
    transport.close()
    made.prober.close()


def executor(site: Site, before_each: Callable[[], None] | None = None) -> Executor:
    """A run of its own over all that is on disk. before_each: what happens before each agent is touched."""
    run, ownership = str(uuid4()), Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.claim(run, site.runs)
    ledger = Ledger(site.runs / run / "ledger.jsonl", site.clock)
    ledger.append(ownership.epoch, Step.OPENED, day=1, plan="week3", site=site.name, change="metrics")
    return Executor(site.change(ChangeKind.METRICS), ledger, ownership, Limits(30, 30, 60, 20), site.clock, before_each)


def close(done: Executor) -> None:
    """Nothing is left open for the next one."""
    done.ledger.append(99, Step.CLOSED)


def far_agents(site: Site) -> list[Agent]:
    """Those of PC2."""
    return [agent for agent in site.fleet.agents if agent.machine == "pc2"]


def test_a_machine_behind_ssh_is_changed_and_brought_back(six: Six, site: Site) -> None:
    """Snapshot, ledger, restart, all witnesses, and the way back; the other machine is reached directly in the same batch."""
    work = executor(site)
    activation = work.activate(site.fleet.agents, 1)
    assert activation.failed == (), [reading.reason for reading in activation.readings]
    assert {six.features(agent.id)["metrics"] for agent in site.fleet.agents} == {"on"}
    reversal = work.roll_back()
    assert (set(reversal.restored), reversal.quarantined) == ({agent.id for agent in site.fleet.agents}, {})
    assert {six.features(agent.id)["metrics"] for agent in site.fleet.agents} == {"off"}
    close(work)


@pytest.mark.parametrize("door", Loss, indirect=True)
def test_a_machine_that_is_lost_before_the_act_is_not_touched(six: Six, site: Site, door: Door) -> None:
    """Unreachable, nothing in the ledger, no process restarted."""
    pids = {agent.id: six.health(agent.id)["pid"] for agent in far_agents(site)}
    door.lose()
    work = executor(site)
    with pytest.raises(Unreachable, match="machine pc2 does not answer by ssh"):
        work.activate(far_agents(site), 1)
    assert {agent.id: six.health(agent.id)["pid"] for agent in far_agents(site)} == pids
    assert work.ledger.changed() == []
    close(work)
    door.come_back()


@pytest.mark.parametrize("door", Loss, indirect=True)
def test_a_machine_that_is_lost_during_the_act_is_settled_when_it_is_back(six: Six, site: Site, door: Door) -> None:
    """The intention stands in the ledger, so that whatever was done there comes back once the machine does."""
    work = executor(site)
    snapshot = work.change.snapshot

    def losing(agents: list[Agent]) -> object:
        taken = snapshot(agents)
        door.lose()
        return taken

    work.change.__dict__["snapshot"] = losing  # a frozen dataclass keeps its methods in the class
    with pytest.raises(Unreachable):
        work.activate(far_agents(site), 1)
    del work.change.__dict__["snapshot"]
    assert {work.ledger.last_steps()[agent.id] for agent in far_agents(site)} <= CHANGED
    door.come_back()
    reversal = work.roll_back()
    assert reversal.quarantined == {}
    assert {six.features(agent.id)["metrics"] for agent in far_agents(site)} == {"off"}
    close(work)


@pytest.mark.parametrize("door", Loss, indirect=True)
def test_a_machine_that_is_lost_between_two_agents_is_settled_when_it_is_back(six: Six, site: Site, door: Door) -> None:
    """The first agent has stopped when the machine goes: what was done there is in the ledger and is taken back, whichever acts still arrived."""
    pids = {agent.id: six.health(agent.id)["pid"] for agent in far_agents(site)}
    touched = 0

    def losing() -> None:
        nonlocal touched
        touched += 1
        if touched == 2:
            door.lose()

    work = executor(site, losing)
    with pytest.raises(Unreachable, match="machine pc2 does not answer by ssh"):
        work.activate(far_agents(site), 1)
    assert {agent.id for agent in far_agents(site) if work.ledger.last_steps()[agent.id] in CHANGED} == set(pids)
    assert {agent: six.health(agent).get("pid") for agent in pids} != pids
    door.come_back()
    reversal = work.roll_back()
    assert (set(reversal.restored), reversal.quarantined) == (set(pids), {})
    assert {six.features(agent)["metrics"] for agent in pids} == {"off"}
    close(work)


def test_a_host_that_shows_another_key_is_not_spoken_to(six: Six, site: Site, door: Door) -> None:
    """Somebody who answers in the machine's place gets neither a question nor an act: nothing in the ledger, no process restarted."""
    name = (door.folder / "known").read_text().split()[0]
    (door.folder / "known").write_text(f"{name} {' '.join((door.folder / 'user.pub').read_text().split()[:2])}\n")
    pids = {agent.id: six.health(agent.id)["pid"] for agent in far_agents(site)}
    work = executor(site)
    with pytest.raises(Unreachable, match="Host key verification failed"):
        work.activate(far_agents(site), 1)
    assert {agent.id: six.health(agent.id)["pid"] for agent in far_agents(site)} == pids
    assert work.ledger.changed() == []
    close(work)


@pytest.mark.parametrize("door", Loss, indirect=True)
def test_a_machine_that_is_lost_after_the_act_is_quarantined_by_name_and_comes_back_later(six: Six, site: Site, door: Door) -> None:
    """A rollback that cannot reach it names its agents and restores the others; the next one, with the machine back, restores those too."""
    work = executor(site)
    assert work.activate(site.fleet.agents, 1).failed == ()
    door.lose()
    began = time.monotonic()
    reversal = work.roll_back()
    assert set(reversal.quarantined) == {agent.id for agent in far_agents(site)}
    assert set(reversal.restored) == {agent.id for agent in site.fleet.agents if agent.machine == "mainpc"}
    assert time.monotonic() - began < 90
    door.come_back()
    assert work.roll_back().quarantined == {}
    assert {six.features(agent.id)["metrics"] for agent in site.fleet.agents} == {"off"}
    close(work)
