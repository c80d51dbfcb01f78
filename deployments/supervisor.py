"""Speaks to the embedded server's supervisord over its unix socket, with a time limit on every call."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy, Transport

CALL = 10.0
"""Seconds a call may take; every call used here answers at once."""


class ProgramState(Enum):
    """Supervisor's states of a program."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


@dataclass(frozen=True, slots=True)
class Supervised:
    """A program as its supervisor sees it. pid: 0 when it does not run."""

    name: str
    state: ProgramState
    pid: int


class UnixConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CALL)
        self._path = path

    def connect(self) -> None:
        """Connect within the time limit."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CALL)
        self.sock.connect(str(self._path))


class UnixTransport(Transport):
    """XML-RPC over a unix socket; supervisor's own transport never gives up."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> HTTPConnection:  # noqa: ANN401 (the signature of the standard library)
        """A new connection for every call."""
        connection = UnixConnection(self._path)
        # Where the transport looks for what it closes, also after a failure.
        self._connection = host, connection
        return connection


class Supervisor:
    """The supervisord behind one socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 (XML-RPC is untyped)
        """The answer, or None when nobody answers or the program already is where it should be."""
        try:
            with ServerProxy("http://localhost", transport=UnixTransport(self._path)) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, HTTPException, Fault):
            return None

    @property
    def answers(self) -> bool:
        """Whether a supervisord is there."""
        return self.call("getState") is not None

    def start(self, program: str) -> None:
        """Ask for the start of a program; its effect is read from `programs`."""
        self.call("startProcess", program, False)

    def shut_down(self) -> None:
        """Ask it to stop its programs, the last started first, and then itself."""
        self.call("shutdown")

    def programs(self) -> Mapping[str, Supervised]:
        """Its programs by name; empty when it does not answer."""
        found = self.call("getAllProcessInfo") or []
        return {each["name"]: Supervised(each["name"], ProgramState(each["state"]), each["pid"]) for each in found}
