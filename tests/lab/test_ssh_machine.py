"""PC2 behind a real sshd: changed and brought back over it, and lost before, during and after an act."""

from __future__ import annotations

import getpass
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
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
from tests.lab.world_of_six import Six, eventually
from tests.ports import unused_port

FOUND = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:{PROJECT}/.debs/root/usr/sbin")
UNPACKED = PROJECT / ".debs" / "root"
LIBRARIES = {"LD_LIBRARY_PATH": f"{UNPACKED}/lib/x86_64-linux-gnu:{UNPACKED}/usr/lib/x86_64-linux-gnu"} if ".debs" in str(FOUND) else {}
APART = ["unshare", "--net", "--mount"]
"""A network of its own, whose loopback alone it has, and mounts of its own; neither outlives its processes."""
PERMITTED = os.geteuid() == 0 and subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0
HAS_USER = "sshd" in {user.pw_name for user in pwd.getpwall()}
pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(FOUND is None, reason="no sshd: Debian's openssh-server has it"),
    pytest.mark.skipif(os.geteuid() == 0 and not (PERMITTED or HAS_USER), reason="no user sshd, without whom sshd does not start as root"),
]
DAY = load_plan(PROJECT / "plans" / "week3.yaml").day(1)
ROOM = """
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -m 0755 /run/sshd
mount --bind "$0" /etc/passwd
exec "$@"
"""
"""What sshd wants on a machine that has never had one: a folder to lock itself in and a user, both seen by it alone."""


class Loss(StrEnum):
    """How a machine goes: its sshd and every connection end, or its network passes nothing any more and says nothing."""

    ENDED = "ended"
    SILENT = "silent"


@dataclass
class Door:
    """An sshd of our own on loopback, with its own keys and, where the machine permits it, its own network namespace, which ssh enters."""

    folder: Path
    port: int
    loss: Loss
    process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start it and wait until it listens."""
        room = [*APART, "sh", "-c", ROOM, str(self.folder / "passwd")] if PERMITTED else []
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*room, str(FOUND), "-D", "-e", "-f", str(self.folder / "sshd_config")], stderr=log, env=os.environ | LIBRARIES
            )
        eventually(lambda: b"Server listening" in (self.folder / "log").read_bytes())
        client = self.folder / "bin" / "ssh"
        client.write_text(f'#!/bin/sh\nexec {self._within()} /usr/bin/ssh "$@"\n')
        client.chmod(0o755)

    def lose(self) -> None:
        """The machine is gone, in this door's way."""
        if self.loss is Loss.SILENT:
            self._network("down")
        else:
            self.shut()

    def come_back(self) -> None:
        """It can be reached again."""
        if self.loss is Loss.SILENT:
            self._network("up")
        else:
            self.open()

    def shut(self) -> None:
        """End the daemon and every connection that it has made."""
        assert self.process is not None
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False).stdout.split()
        self.process.kill()
        self.process.wait()
        for pid in children:
            subprocess.run(["kill", "-9", pid], check=False)

    def _network(self, state: str) -> None:
        subprocess.run([*self._within().split(), "ip", "link", "set", "lo", state], check=True)

    def _within(self) -> str:
        """What a command begins with to be where the sshd is."""
        assert self.process is not None
        return f"nsenter --net=/proc/{self.process.pid}/ns/net" if PERMITTED else "env"


@pytest.fixture(params=[Loss.ENDED])
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Door]:
    """Open at first; parametrized with how the machine is lost."""
    if request.param is Loss.SILENT and not PERMITTED:
        pytest.skip("no network namespace without root")
    port = unused_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized")
    host = (tmp_path / "host.pub").read_text().split()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {host[0]} {host[1]}\n")
    apart = f'ForceCommand nsenter --net=/proc/{os.getpid()}/ns/net sh -c "$SSH_ORIGINAL_COMMAND"\n'  # agents and ports are where we are
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/authorized\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n" + (apart if PERMITTED else "")
    )
    (tmp_path / "passwd").write_text(Path("/etc/passwd").read_text() + ("" if HAS_USER else "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    made = Door(tmp_path, port, request.param)
    made.open()
    yield made
    made.shut()


@pytest.fixture
def site(six: Six, door: Door) -> Iterator[Site]:
    """The lab of six with PC2 behind that door."""
    access = (
        f"transport: ssh\n    ssh: {{destination: {getpass.getuser()}@127.0.0.1, port: {door.port}, identity: {door.folder}/user, "
        f"known_hosts: {door.folder}/known, python: {sys.executable}}}"
    )
    text = six.file.read_text()
    before, pc2 = re.split(r"(?=^  pc2:)", text, maxsplit=1, flags=re.MULTILINE)
    pc2 = pc2.replace("transport: local", access, 1)
    address = six.site.machine("pc2").address
    pc2 = re.sub(r"url: unix://\S+", f'url: "http://{address}:9011"', pc2, count=1)
    pc2 = re.sub(r"programs: [^\s,}]+", f"programs: {six.site.machine('pc2').programs}", pc2, count=1)
    file = six.file.with_name("far.yaml")
    file.write_text(before + pc2)
    made = load_site(file, DAY.deadlines)
    yield made
    transport = made.machines["pc2"].transport
    assert isinstance(transport, SshTransport)
    transport.close()
    made.prober.close()


def executor(site: Site) -> Executor:
    """A run of its own over all that is on disk."""
    run, ownership = str(uuid4()), Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.claim(run, site.runs)
    ledger = Ledger(site.runs / run / "ledger.jsonl", site.clock)
    ledger.append(ownership.epoch, Step.OPENED, day=1, plan="week3", site=site.name, change="metrics")
    return Executor(site.change(ChangeKind.METRICS), ledger, ownership, Limits(30, 30, 60, 20), site.clock)


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
