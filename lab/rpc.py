"""XML-RPC over a unix socket, with a limit on every wait: a supervisord that is stopped or stuck must not hold up the lab."""

from __future__ import annotations

import base64
import http.client
import socket
import xmlrpc.client
from pathlib import Path


class UnixTransport(xmlrpc.client.Transport):
    """Carries calls to one socket file, as that user; each wait lasts at most `seconds`."""

    def __init__(self, path: Path, username: str, password: str, seconds: float) -> None:
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        super().__init__(headers=[("Authorization", f"Basic {token}")])
        self._path = path
        self._seconds = seconds

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        """A connection to the socket file, kept where the base class looks for what `close` must close."""
        connection = _UnixConnection(self._path, self._seconds)
        self._connection = host, connection
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
