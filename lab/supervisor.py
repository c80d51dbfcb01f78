"""One machine's supervisord: its credentials, its calls, its start."""

from __future__ import annotations

import http.client
import os
import secrets
import subprocess
import sys
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.processes import marker
from lab.rpc import UnixTransport
from lab.site import Machine, Site

ENVIRONMENT_FILE = "supervisor.env"
# What a process of the lab inherits of our own environment; nothing else, so that no flag slips in by accident.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password of the lab's supervisors, and the password that hubs ask for once a rollout has told them to."""

    username: str
    password: str
    hub_password: str = ""

    def environment(self) -> dict[str, str]:
        """The variables by which the exporter learns of them."""
        return {"ROLLOUT_SUPERVISOR_USER": self.username, "ROLLOUT_SUPERVISOR_PASSWORD": self.password}

    def secrets(self) -> dict[str, str]:
        """The variables by which a rollout learns of them."""
        return self.environment() | {"ROLLOUT_HUB_USER": self.username, "ROLLOUT_HUB_PASSWORD": self.hub_password}


def environment_for(site: Site) -> dict[str, str]:
    """The environment of a process of this lab: what marks it as one, and where it learns of faults."""
    ours = {key: os.environ[key] for key in INHERITED if key in os.environ}
    return ours | marker(site.state) | {"LAB_FAULTS": str(site.faults), "LAB_PLACES": str(site.places)}


def new_credentials(state: Path) -> Credentials:
    """Makes up a password and leaves it in the lab's folder, for its owner to read."""
    credentials = Credentials("lab", secrets.token_hex(16), secrets.token_hex(16))
    file = state / ENVIRONMENT_FILE
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.writelines(f"{key}={value}\n" for key, value in credentials.secrets().items())
    return credentials


def read_credentials(state: Path) -> Credentials | None:
    """What `new_credentials` left behind; None when this lab has never been up."""
    try:
        lines = (state / ENVIRONMENT_FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return None
    values = dict(line.split("=", 1) for line in lines)
    return Credentials(values["ROLLOUT_SUPERVISOR_USER"], values["ROLLOUT_SUPERVISOR_PASSWORD"], values.get("ROLLOUT_HUB_PASSWORD", ""))


class Supervisor:
    """Calls to one machine's supervisord."""

    def __init__(self, machine: Machine, credentials: Credentials) -> None:
        self.machine = machine
        self._credentials = credentials

    def call(self, method: str, *parameters: object, seconds: float = 10.0) -> Any:  # noqa: ANN401 (XML-RPC is untyped)
        """One call over a connection of its own; LabError when no answer comes in time, xmlrpc.client.Fault when it is refused."""
        transport = UnixTransport(self.machine.socket, self._credentials.username, self._credentials.password, seconds)
        proxy = xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport)
        try:
            return getattr(proxy, method)(*parameters)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise LabError(f"supervisord of {self.machine.name} does not answer: {error}") from error
        finally:
            transport.close()

    def answers(self) -> bool:
        """Whether the daemon is there."""
        try:
            self.call("supervisor.getState")
        except LabError:
            return False
        return True

    def programs(self) -> dict[str, dict[str, Any]]:
        """What it says of each program, by name."""
        return {row["name"]: row for row in self.call("supervisor.getAllProcessInfo")}

    def pid(self) -> int:
        """The daemon's own pid."""
        return int(self.call("supervisor.getPID"))

    def start(self, site: Site) -> None:
        """Starts the daemon, detached and in a session of its own; returns when its sockets are open."""
        config = self.machine.folder / "supervisord.conf"
        started = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
            env=environment_for(site),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if started.returncode != 0:
            raise LabError(f"supervisord of {self.machine.name} did not start: {(started.stderr or started.stdout).strip().splitlines()[-1]}")
