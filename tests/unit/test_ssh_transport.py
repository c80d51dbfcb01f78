"""A machine behind a connection: what the far end does is what the local transport does, and a connection that breaks is Unreachable, not a guess.

The far end is started here without ssh, by the words that ssh would hand to its shell.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

from rollout.errors import ActFault, InputError, Unreachable
from rollout.site_file import load_site_file
from rollout.transports.far_end import ssh_command
from rollout.transports.local import LocalTransport
from rollout.transports.port import Invocation
from rollout.transports.ssh import SshTransport

HOST = "127.0.0.1"
WORDS = ssh_command("ops@pc2", 22, sys.executable)[-1]


@pytest.fixture
def far() -> Iterator[SshTransport]:
    """A far end, as a login shell starts it."""
    transport = SshTransport("pc2", ["sh", "-c", WORDS], HOST, 20)
    yield transport
    transport.close()


def pid_of(far: SshTransport) -> int:
    """The process of its connection."""
    assert far._far is not None
    return far._far.pid


def test_files_are_there_as_here(far: SshTransport, tmp_path: Path) -> None:
    """Written with its folders, read, listed and removed; what is missing is missing."""
    file = tmp_path / "deep" / "a.conf"
    far.replace(file, "one\nzwei äöü\n", private=True)
    assert file.read_text(encoding="utf-8") == far.read(file) == "one\nzwei äöü\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert far.files(file.parent) == (file,)
    far.remove(file)
    far.remove(file)
    with pytest.raises(FileNotFoundError):
        far.read(file)
    far.make_folder(tmp_path / "made")
    assert (tmp_path / "made").is_dir()


def test_processes_are_seen_as_here(far: SshTransport) -> None:
    """Environment, start, invocation and listening ports of this very process, told by both."""
    here, me = LocalTransport(HOST), os.getpid()
    assert far.environment(me) == here.environment(me)
    assert far.started(me) == pytest.approx(here.started(me), abs=0.05)
    assert far.invocation(me) == here.invocation(me)
    assert me in far.processes()
    assert far.environment(2**22 + 1) is far.started(2**22 + 1) is far.invocation(2**22 + 1) is None
    assert far.listeners() == here.listeners()
    assert len(set(far.free_ports(3))) == 3
    assert far.holders([], []) == {}


def test_programs_run_there(far: SshTransport, tmp_path: Path) -> None:
    """Exit status and words; one that does not end in time is Unreachable; one that is nowhere is ActFault."""
    finished = far.run(["sh", "-c", "echo done; exit 3"], 10)
    assert (finished.status, finished.output) == (3, "done")
    with pytest.raises(Unreachable, match="did not end"):
        far.run(["sleep", "30"], 0.2)
    assert far.find("sh", tmp_path).endswith("/sh")
    with pytest.raises(ActFault, match="nowhere-at-all"):
        far.find("nowhere-at-all", tmp_path)


def test_a_shadow_lives_there_and_ends_with_the_connection(far: SshTransport) -> None:
    """Its size and its words come over; closing the connection leaves none behind."""
    shadow = Invocation(("sh", "-c", "echo I am $NAME $$; exec sleep 60"), {"NAME": "shadow", "PATH": os.environ["PATH"]}, PurePath("/"))
    first, second = far.spawn(shadow), far.spawn(shadow)
    while not (said := second.said().split()):
        pass
    assert said[:3] == ["I", "am", "shadow"]
    assert (second.resident() or 0) > 0
    assert not first.ended()
    first.end()
    assert first.ended()
    far.close()
    # the far end was killed with its connection, so the kernel's word counts: nobody is left with that pid and name
    subprocess.run(["sh", "-c", f"for n in 1 2 3 4 5 6 7 8 9; do [ -d /proc/{said[3]} ] || exit 0; sleep 0.3; done; exit 1"], check=True)


def test_a_connection_that_breaks_is_made_again(far: SshTransport, tmp_path: Path) -> None:
    """One that ended while it lay idle is not even noticed."""
    far.make_folder(tmp_path)
    os.kill(pid_of(far), signal.SIGKILL)
    assert far._far is not None
    far._far.wait()
    assert far.find("sh", tmp_path).endswith("/sh")


@pytest.mark.slow
def test_a_machine_that_falls_silent_is_unreachable(tmp_path: Path) -> None:
    """Nobody waits longer than the deadline, and the next question does not read the answer to this one."""
    far = SshTransport("pc2", ["sh", "-c", WORDS], HOST, 3)
    far.make_folder(tmp_path)
    os.kill(pid_of(far), signal.SIGSTOP)
    with pytest.raises(Unreachable, match=r"machine pc2 does not answer by ssh: no answer within 3 s"):
        far.processes()
    assert far.files(tmp_path) == ()
    far.close()


@pytest.mark.slow
def test_a_machine_that_stops_reading_is_unreachable(tmp_path: Path) -> None:
    """A file larger than a pipe holds: nobody waits for ever for it to be taken."""
    far = SshTransport("pc2", ["sh", "-c", WORDS], HOST, 3)
    far.make_folder(tmp_path)
    os.kill(pid_of(far), signal.SIGSTOP)
    with pytest.raises(Unreachable, match="no answer within 3 s"):
        far.replace(tmp_path / "large", "x" * 1_000_000)
    far.close()
    assert not (tmp_path / "large").exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["sh", "-c", "echo 'Host key verification failed.' >&2; exit 255"], "Host key verification failed"),
        (["no-such-ssh-client"], "no-such-ssh-client"),
    ],
)
def test_who_cannot_connect_says_why(command: list[str], told: str) -> None:
    """The client's own words."""
    with pytest.raises(Unreachable, match=told):
        SshTransport("pc2", command, HOST, 5).processes()


def test_what_a_login_shell_says_first_is_no_answer(tmp_path: Path) -> None:
    """A message of the day before the first answer."""
    far = SshTransport("pc2", ["sh", "-c", f"echo Welcome; echo '{{}}'; {WORDS}"], HOST, 20)
    assert far.files(tmp_path) == ()
    far.close()


def test_the_client_asks_no_questions_and_knows_the_host() -> None:
    """No password, no unknown host key, and the words survive the far shell."""
    command = ssh_command("ops@pc2", 2222, "/opt/py/bin/python3", Path("/keys/id"), Path("/keys/hosts"))
    text = shlex.join(command[:-1])
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "UserKnownHostsFile=/keys/hosts"} <= set(command)
    assert "-p 2222 -i /keys/id" in text
    assert shlex.split(command[-1])[:3] == ["exec", "/opt/py/bin/python3", "-u"]


MACHINE = """\
site: far
fleet: fleet.yaml
state: var
scrape_interval: 1
hubs: [{name: central, machine: pc2, url: "http://10.0.0.2:9000", targets: targets}]
machines:
  pc2:
    address: 10.0.0.2
    transport: ssh
    ssh: {destination: ops@pc2.lan, identity: keys/id}
    supervisor: {url: "http://10.0.0.2:9001", programs: /etc/supervisor/conf.d}
"""
FLEET = "fleet: far\nmachines: {pc2: {group: {A: {port: 7000, health_port: 8000}}}}\n"


def written(folder: Path, text: str) -> Path:
    """A site of one machine behind ssh."""
    (folder / "fleet.yaml").write_text(FLEET, encoding="utf-8")
    file = folder / "far.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_site_file_says_how_ssh_gets_there(tmp_path: Path) -> None:
    """Paths of keys start at the file; nobody counts this computer's cores for another machine."""
    site, _ = load_site_file(written(tmp_path, MACHINE))
    machine = site.machines["pc2"]
    assert machine.ssh is not None
    assert machine.ssh.identity == tmp_path / "keys" / "id"
    assert site.cores == {}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("    ssh: {destination: ops@pc2.lan, identity: keys/id}\n", "", "ssh stands where the transport is ssh"),
        ("transport: ssh", "transport: local", "ssh stands where the transport is ssh"),
        ("http://10.0.0.2:9001", "unix:///run/supervisor.sock", "a unix socket is reached from its own machine alone"),
        ("/etc/supervisor/conf.d", "conf.d", "an absolute path there"),
        ("ops@pc2.lan", "-oProxyCommand=evil", "destination"),
    ],
)
def test_a_way_that_leads_nowhere_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """By file, key and reason, before anything is contacted."""
    with pytest.raises(InputError, match=reason):
        load_site_file(written(tmp_path, MACHINE.replace(old, new)))
