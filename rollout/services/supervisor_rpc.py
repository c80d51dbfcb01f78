"""supervisord's XML-RPC, one connection per call so that threads never share one, with a limit on every wait."""

from __future__ import annotations

import base64
import http.client
import socket
import xmlrpc.client
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from supervisor.xmlrpc import Faults

from rollout.errors import Refused, RolloutError, Unreachable


class Fault(RolloutError):  # noqa: N818 (the protocol's own word)
    """supervisord refused a call. code: see supervisor.xmlrpc.Faults."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} ({code})")
        self.code = code


class SupervisorRpc:
    """One supervisord, at unix:///path/to.sock or http://host:port."""

    def __init__(self, url: str, username: str = "", password: str = "") -> None:
        self.url = url
        self._parts = urlsplit(url)
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._headers = {"Content-Type": "text/xml"} | ({"Authorization": f"Basic {token}"} if username else {})

    def call(self, method: str, *parameters: Any, timeout: float) -> Any:  # noqa: ANN401 (XML-RPC is untyped)
        """The method's result. timeout: seconds. Raises Fault, Unreachable, or Refused for wrong credentials."""
        connection = self._connection(timeout)
        try:
            connection.request("POST", "/RPC2", xmlrpc.client.dumps(parameters, method), self._headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"supervisord at {self.url}: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if response.status == http.HTTPStatus.UNAUTHORIZED:
            raise Refused(f"supervisord at {self.url} refuses the user name or password")
        if response.status != http.HTTPStatus.OK:
            raise Unreachable(f"supervisord at {self.url} answers HTTP {response.status}")
        try:
            return xmlrpc.client.loads(body)[0][0]
        except xmlrpc.client.Fault as fault:
            raise self._refusal(fault.faultCode, fault.faultString) from fault

    def call_many(self, calls: Iterable[tuple[str, str]], timeout: float) -> list[Any]:
        """The results of calls that are made one after the other in one question, each a method with a program's name.

        One that was refused has its Fault for a result and does not keep the others from being made. Raises as `call` does.
        """
        answers = self.call("system.multicall", [{"methodName": method, "params": [name]} for method, name in calls], timeout=timeout)
        return [
            self._refusal(answer["faultCode"], answer["faultString"]) if isinstance(answer, dict) and "faultCode" in answer else answer
            for answer in answers
        ]

    def _refusal(self, code: int, text: str) -> Fault:
        """What supervisord refused; raises Unreachable where it refuses everything, since it is about to end."""
        if code == Faults.SHUTDOWN_STATE:
            raise Unreachable(f"supervisord at {self.url} is shutting down")
        return Fault(code, text)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._parts.scheme == "unix":
            return _UnixConnection(self._parts.path, timeout)
        return http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the socket file instead of a TCP port."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
