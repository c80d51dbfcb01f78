"""A Prometheus of the tests' own that answers as the real one behind it, until it is told to spoil its answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

BEHIND = 180
"""Seconds by which a hub is behind."""
BETWEEN_BYTES = 0.3
"""Seconds from one byte of a slow answer to the next, far less than anybody's patience for one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the real Prometheus says to a question. status: HTTP; body: its JSON; slow: sent a byte at a time, and never to its end."""

    query: str
    status: int
    body: dict[str, Any]
    slow: bool = False

    @property
    def about_freshness(self) -> bool:
        """Whether the question is when the newest samples were taken."""
        return "timestamp(up" in self.query

    @property
    def series(self) -> list[dict[str, Any]]:
        """The series of the answer."""
        found: list[dict[str, Any]] = self.body.get("data", {}).get("result", [])
        return found

    def with_series(self, series: Sequence[dict[str, Any]]) -> Reply:
        """The same answer with those series instead."""
        return Reply(self.query, self.status, self.body | {"data": self.body["data"] | {"result": list(series)}})

    def with_values(self, change: Callable[[str], str]) -> Reply:
        """The same answer with every value changed."""
        changed = []
        for each in self.series:
            one = {"value": [each["value"][0], change(each["value"][1])]} if "value" in each else {}
            many = {"values": [[t, change(value)] for t, value in each["values"]]} if "values" in each else {}
            changed.append(each | one | many)
        return self.with_series(changed)


Spoil = Callable[[Reply], Reply]


def behind(machine: str = "") -> Spoil:
    """The newest samples, of that machine or of all, are of three minutes ago."""

    def shifted(reply: Reply) -> Reply:
        if not reply.about_freshness:
            return reply
        back = reply.with_values(lambda value: str(float(value) - BEHIND)).series
        return reply.with_series([old if machine in ("", now["metric"].get("machine")) else now for now, old in zip(reply.series, back, strict=True)])

    return shifted


@dataclass
class Spoiler:
    """The proxy. spoil: what becomes of each answer, None while all are well; spoiled: questions that it was about."""

    url: str
    spoil: Spoil | None = None
    spoiled: list[str] = field(default_factory=list)


@contextmanager
def spoiler(upstream: str) -> Iterator[Spoiler]:
    """One before that Prometheus, on loopback, for one test."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on("")

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _pass_on(self, form: str) -> None:
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = httpx.request(self.command, upstream + self.path, content=form, headers=headers, timeout=10, trust_env=False)
            asked = parse_qs(form or urlsplit(self.path).query).get("query", [""])[0]
            status, body, slow = answer.status_code, answer.content, False
            if asked and (spoil := proxy.spoil):
                reply = spoil(Reply(asked, status, answer.json()))
                status, body, slow = reply.status, json.dumps(reply.body).encode(), reply.slow
                proxy.spoiled.append(asked)
            self.send_response(HTTPStatus(status))
            self.send_header("Content-Type", answer.headers["Content-Type"])
            if not slow:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if slow:
                self._trickle()
            else:
                self.wfile.write(body)

        def _trickle(self) -> None:
            """White space, which JSON may begin with."""
            self.close_connection = True
            with suppress(OSError):  # who asked has hung up
                while not over.is_set():
                    self.wfile.write(b" ")
                    time.sleep(BETWEEN_BYTES)

        def log_message(self, *_words: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = Spoiler(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            over.set()
            server.shutdown()
            thread.join()
