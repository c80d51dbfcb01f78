"""The little of HTTP/1.1 that a lab process answers: GET, keep-alive, answers that may come later.

Raw asyncio and not a framework: 77 agents start in the time that ten would, and weigh 25 MiB each instead of 40.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class Connection(asyncio.Protocol):
    """One client's connection: hands each request's path to `answer`, which calls `reply` now or later."""

    def __init__(self, answer: Callable[[str, Connection], None]) -> None:
        self._answer = answer
        self._buffer = b""
        self._close = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remembers where answers go; asyncio has switched Nagle's delay off already."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Takes requests off the buffer; a client sends the next one only after the answer."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            self._close = b"connection: close" in head.lower()
            words = head.split(b" ", 2)
            self._answer(words[1].decode("latin-1") if len(words) == 3 else "", self)

    def reply(self, status: int, body: bytes, content_type: str = JSON) -> None:
        """Sends one whole answer; nothing when the client has gone."""
        self._send(status, body, content_type, len(body))

    def reply_cut(self, body: bytes, content_type: str) -> None:
        """Announces the whole body, sends half of it and hangs up."""
        self._close = True
        self._send(200, body[: len(body) // 2], content_type, len(body))

    def _send(self, status: int, body: bytes, content_type: str, announced: int) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {content_type}\r\nContent-Length: {announced}\r\n\r\n"
        self._transport.write(head.encode("latin-1") + body)
        if self._close:
            self._transport.close()


async def listen(address: str, port: int, answer: Callable[[str, Connection], None]) -> asyncio.Server:
    """Serves on address:port until the process ends; OSError when the port is taken."""
    return await asyncio.get_running_loop().create_server(lambda: Connection(answer), address, port)
