"""A supervisord at a unix socket that keeps its programs in memory."""

from __future__ import annotations

import socketserver
import threading
import time
import xmlrpc.client
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from supervisor.xmlrpc import Faults

LOGIN = ("lab", "hunter2")


class FakeSupervisord:
    """Answers the calls that a rollout makes.

    calls: (method, program) in their order; of such a pair, refuse: the fault that it answers with; slow: seconds that it takes.
    """

    def __init__(self) -> None:
        self.programs = {name: _record(name, pid) for pid, name in enumerate(("A", "B", "C"), start=101)}
        self.calls: list[tuple[str, str]] = []
        self.refuse: dict[tuple[str, str], int] = {}
        self.slow: dict[tuple[str, str], float] = {}
        self.delta: list[list[str]] = [[], [], []]
        self.log = ""
        self.delay = 0.0
        self.status = 200
        self.body: bytes | None = None
        self._lock = threading.Lock()

    def answer(self, method: str, parameters: tuple[Any, ...]) -> object:
        """The result of one call; raises xmlrpc.client.Fault."""
        if method == "system.multicall":
            return [self._part(call["methodName"], tuple(call["params"])) for call in parameters[0]]
        name = str(parameters[0]) if parameters else ""
        time.sleep(self.delay + self.slow.get((method.removeprefix("supervisor."), name), 0.0))
        with self._lock:
            self.calls.append((method.removeprefix("supervisor."), name))
            if code := self.refuse.get((method.removeprefix("supervisor."), name)):
                raise xmlrpc.client.Fault(code, f"refused: {name}")
            act: Callable[[str], object] = getattr(self, f"_{method.removeprefix('supervisor.')}")
            return act(name)

    def _part(self, method: str, parameters: tuple[Any, ...]) -> object:
        """One call of many; a refusal is an answer there."""
        try:
            return self.answer(method, parameters)
        except xmlrpc.client.Fault as fault:
            return {"faultCode": fault.faultCode, "faultString": fault.faultString}

    def _getProcessInfo(self, name: str) -> object:  # noqa: N802
        record = self._known(name)
        if record["group"] != name:
            raise xmlrpc.client.Fault(Faults.BAD_NAME, name)
        return record

    def _getAllProcessInfo(self, _name: str) -> object:  # noqa: N802 (the protocol's own name)
        return list(self.programs.values())

    def _readLog(self, _offset: str) -> object:  # noqa: N802
        return self.log

    def _reloadConfig(self, _name: str) -> object:  # noqa: N802
        return [self.delta]

    def _stopProcess(self, name: str) -> object:  # noqa: N802
        if self._known(name)["pid"] == 0:
            raise xmlrpc.client.Fault(Faults.NOT_RUNNING, name)
        self.programs[name] |= {"pid": 0, "statename": "STOPPED"}
        return True

    def _removeProcessGroup(self, name: str) -> object:  # noqa: N802
        self._known(name)
        del self.programs[name]
        return True

    def _addProcessGroup(self, name: str) -> object:  # noqa: N802
        if name in self.programs:
            raise xmlrpc.client.Fault(Faults.ALREADY_ADDED, name)
        self.programs[name] = _record(name, 900 + len(self.calls))
        return True

    def _known(self, name: str) -> dict[str, object]:
        if name not in self.programs:
            raise xmlrpc.client.Fault(Faults.BAD_NAME, name)
        return self.programs[name]


@contextmanager
def serving(fake: FakeSupervisord) -> Iterator[str]:
    """The fake behind a socket; its URL."""
    expected = "Basic " + b64encode(":".join(LOGIN).encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Authorization") != expected:
                self._reply(401, b"")
                return
            parameters, method = xmlrpc.client.loads(text)
            try:
                result = xmlrpc.client.dumps((fake.answer(str(method), parameters),), methodresponse=True, allow_none=True)
            except xmlrpc.client.Fault as fault:
                result = xmlrpc.client.dumps(fault)
            self._reply(fake.status, fake.body if fake.body is not None else result.encode())

        def _reply(self, status: int, body: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except BrokenPipeError:
                return  # the caller's patience was over

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            return

    with TemporaryDirectory() as folder:  # pytest's own folders are too long for a socket's name
        path = Path(folder) / "s"
        with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            try:
                yield f"unix://{path}"
            finally:
                server.shutdown()


def _record(name: str, pid: int) -> dict[str, object]:
    return {"name": name, "group": name, "statename": "RUNNING", "pid": pid, "stop": 0, "spawnerr": "", "description": f"pid {pid}"}
