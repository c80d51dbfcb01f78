"""A real sshd of the tests' own before the lab's PC2, which can be lost: it ends, or its network falls silent."""

from __future__ import annotations

import getpass
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from lab.binaries import PROJECT
from tests.lab.world_of_six import Six, eventually
from tests.ports import unused_port

UNPACKED = PROJECT / ".debs" / "root"
FOUND = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:{UNPACKED}/usr/sbin")
LIBRARIES = {"LD_LIBRARY_PATH": f"{UNPACKED}/lib/x86_64-linux-gnu:{UNPACKED}/usr/lib/x86_64-linux-gnu"} if ".debs" in str(FOUND) else {}
ROOT = os.geteuid() == 0
PERMITTED = ROOT and subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode == 0
"""Whether we may make a network and mounts that are seen by the sshd alone and go with it."""
HAS_USER = "sshd" in {user.pw_name for user in pwd.getpwall()}
NEEDED = [
    pytest.mark.skipif(FOUND is None, reason="no sshd: Debian's openssh-server has it"),
    pytest.mark.skipif(ROOT and not (PERMITTED or HAS_USER), reason="no user sshd, without whom sshd does not start as root"),
]
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
    """The sshd, with its own keys. apart: in its own network, which has loopback alone; ssh enters it, and the far end steps back out."""

    folder: Path
    port: int
    loss: Loss
    apart: bool
    process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start it and wait until it listens."""
        own = ["unshare", "--mount", *(["--net"] if self.apart else [])]
        room = [*own, "sh", "-c", ROOM, str(self.folder / "passwd")] if PERMITTED else []
        words = [*room, str(FOUND), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(words, stderr=log, env=os.environ | LIBRARIES)
        eventually(lambda: b"Server listening" in (self.folder / "log").read_bytes())
        if self.apart:
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

    def site_file(self, six: Six) -> str:
        """That lab's site file with PC2 behind this door: its files and processes by ssh, its supervisor at its inet server."""
        access = (
            f"transport: ssh\n    ssh: {{destination: {getpass.getuser()}@127.0.0.1, port: {self.port}, identity: {self.folder}/user, "
            f"known_hosts: {self.folder}/known, python: {sys.executable}}}\n    cores: {os.cpu_count()}"
        )
        before, pc2 = re.split(r"(?=^  pc2:)", six.file.read_text(), maxsplit=1, flags=re.MULTILINE)
        pc2 = pc2.replace("transport: local", access, 1)
        pc2 = re.sub(r"url: unix://\S+", f'url: "http://{six.site.machine("pc2").address}:9011"', pc2, count=1)
        return before + re.sub(r"programs: [^\s,}]+", f"programs: {six.site.machine('pc2').programs}", pc2, count=1)

    def _network(self, state: str) -> None:
        subprocess.run([*self._within().split(), "ip", "link", "set", "lo", state], check=True)

    def _within(self) -> str:
        """What a command begins with to be in the sshd's network."""
        assert self.process is not None
        return f"nsenter --net=/proc/{self.process.pid}/ns/net"


@contextmanager
def opened(folder: Path, loss: Loss, *, apart: bool) -> Iterator[Door]:
    """A door that is open at first and leaves nothing. With `apart`, `folder`/bin has the ssh that reaches it."""
    port = unused_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    host = (folder / "host.pub").read_text().split()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host[0]} {host[1]}\n")
    back = f'ForceCommand nsenter --net=/proc/{os.getpid()}/ns/net sh -c "$SSH_ORIGINAL_COMMAND"\n'  # where agents and ports are
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n" + (back if apart else "")
    )
    (folder / "passwd").write_text(Path("/etc/passwd").read_text() + ("" if HAS_USER else "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"))
    (folder / "bin").mkdir()
    door = Door(folder, port, loss, apart)
    door.open()
    try:
        yield door
    finally:
        door.shut()
