"""Somebody else at the lab's machines beside a rollout: an editor and `supervisorctl`, and a process that takes a port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.faults.acts import stop
from tests.end_to_end.place import Place
from tests.lab.world_of_six import eventually

TAKES_A_PORT = """
import socket, sys, time
while True:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((sys.argv[1], int(sys.argv[2])))
        taken.listen()
    except OSError:
        taken.close()
        time.sleep(0.005)
    else:
        break
print("taken", flush=True)
while True:
    taken.accept()[0].close()
"""


@dataclass(frozen=True)
class Program:
    """One program of one machine's supervisor, in the hands of somebody else."""

    place: Place
    machine: str
    name: str

    @property
    def file(self) -> Path:
        """Its configuration."""
        return self.place.site.machine(self.machine).programs / f"{self.name}.conf"

    @property
    def text(self) -> str | None:
        """What its configuration says; None where there is none."""
        return self.file.read_text(encoding="utf-8") if self.file.exists() else None

    @property
    def pid(self) -> int | None:
        """Its process; None where the supervisor does not know it."""
        row = self.place.supervisor(self.machine).programs().get(self.name)
        return None if row is None else int(row["pid"])

    def write(self, text: str | None) -> None:
        """With an editor: what runs stays as it is. None: the file is removed."""
        if text is None:
            self.file.unlink(missing_ok=True)
        else:
            self.file.write_text(text, encoding="utf-8")

    def waits(self) -> bool:
        """Whether the file says something else than what the supervisor runs."""
        (pending,) = self.place.supervisor(self.machine).call("supervisor.reloadConfig")
        return any(self.name in names for names in pending)

    def update(self) -> None:
        """`supervisorctl update NAME`: what the file says takes effect."""
        supervisor = self.place.supervisor(self.machine)
        ((added, changed, removed),) = supervisor.call("supervisor.reloadConfig")
        if self.name in {*changed, *removed}:
            stop(supervisor, self.name)
            supervisor.call("supervisor.removeProcessGroup", self.name)
        if self.name in {*added, *changed}:
            supervisor.call("supervisor.addProcessGroup", self.name)
            eventually(lambda: supervisor.programs()[self.name]["statename"] == "RUNNING")
            if (identity := f"{self.machine}/{self.name}") in self.place.site.agents:
                eventually(lambda: self.place.health(identity) != {})


@contextmanager
def hands_on(place: Place, machine: str, name: str) -> Iterator[Program]:
    """That program for a while; at the end its file is what it was, and in effect."""
    program = Program(place, machine, name)
    text = program.text
    try:
        yield program
    finally:
        program.write(text)
        program.update()


@contextmanager
def taking(address: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """A process of no lab and no rollout that listens there from the moment that the port is free; it lives until the end."""
    stranger = subprocess.Popen([sys.executable, "-c", TAKES_A_PORT, address, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        yield stranger
    finally:
        stranger.kill()
        stranger.communicate()
