"""Faults that are done to one machine's processes from outside, and how they are undone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass

from lab.errors import LabError
from lab.processes import end, environment_of, of_lab
from lab.site import Hub, Machine, Site
from lab.supervisor import Credentials, Supervisor, environment_for

START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Ground:
    """One machine of a lab that is up, and the means to act on it."""

    site: Site
    machine: Machine
    credentials: Credentials

    @property
    def supervisor(self) -> Supervisor:
        """The machine's supervisor."""
        return Supervisor(self.machine, self.credentials)

    @property
    def hub(self) -> Hub:
        """The machine's hub, whether `up` or a rollout has started it; LabError when it is to have none."""
        for hub in self.site.all_hubs:
            if hub.machine == self.machine.name:
                return hub
        raise LabError(f"no hub runs on {self.machine.name}")


def stop(supervisor: Supervisor, program: str) -> None:
    """Stops a program; one that does not run is as wanted."""
    try:
        supervisor.call("supervisor.stopProcess", program)
    except xmlrpc.client.Fault as fault:
        if not fault.faultString.startswith("NOT_RUNNING"):
            raise


def kill(supervisor: Supervisor, program: str) -> None:
    """Kill -9, and keep it from coming back."""
    with contextlib.suppress(xmlrpc.client.Fault):  # it does not run: as wanted
        supervisor.call("supervisor.signalProcess", program, "KILL")
    stop(supervisor, program)


def start(supervisor: Supervisor, program: str) -> None:
    """Starts a program; one that runs is as wanted."""
    try:
        supervisor.call("supervisor.startProcess", program)
    except xmlrpc.client.Fault as fault:
        if not fault.faultString.startswith("ALREADY_STARTED"):
            raise LabError(f"{program} of {supervisor.machine.name}: {fault.faultString} (log: {supervisor.machine.logs}/{program}.log)") from fault


def start_hub(ground: Ground) -> None:
    """Starts the machine's hub, unless a rollback has retired it meanwhile."""
    if ground.hub.program in ground.supervisor.programs():
        start(ground.supervisor, ground.hub.program)


def kill_supervisor(ground: Ground) -> None:
    """Kill -9: the programs live on, hold their ports, and nobody watches them."""
    os.kill(ground.supervisor.pid(), signal.SIGKILL)


def start_neighbour(ground: Ground) -> None:
    """Starts the stranger that eats a core; it ends by itself when its order is gone."""
    subprocess.Popen(
        [sys.executable, "-m", "lab.faults.neighbour", ground.machine.name],
        env=environment_for(ground.site),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def revive_supervisor(ground: Ground) -> None:
    """Ends the orphans of a killed supervisord, brings a new one up where there is none, and starts what is not running."""
    supervisor = ground.supervisor
    supervised = {row["pid"] for row in supervisor.programs().values()} if supervisor.answers() else set()
    url = f"unix://{ground.machine.socket}"  # supervisord leaves it in the environment of each program of its own
    orphans = [pid for pid in of_lab(ground.site.state) if pid not in supervised and environment_of(pid).get("SUPERVISOR_SERVER_URL") == url]
    end(orphans, ground.site.state, signal.SIGKILL, patience=5)
    if not supervisor.answers():
        supervisor.start(ground.site)
    _start_missing(supervisor)


def _start_missing(supervisor: Supervisor) -> None:
    deadline = time.monotonic() + START_SECONDS
    while missing := {name: row["statename"] for name, row in supervisor.programs().items() if row["statename"] != "RUNNING"}:
        if time.monotonic() > deadline:
            raise LabError(f"on {supervisor.machine.name} these do not start: {', '.join(missing)} (logs: {supervisor.machine.logs})")
        for name, state in missing.items():
            if state in {"FATAL", "EXITED", "STOPPED"}:
                start(supervisor, name)
        time.sleep(0.3)
