"""Answers that come whole within their time, or not at all.

The timeouts of HTTP clients bound only each wait for the next bytes: a server that sends one now and then would be listened to for ever.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any, cast

import httpx

from rollout.tls import authorities


class Limit(threading.Timer):
    """The time of one answer; the socket that it comes from is shut when it is over."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds, self._end)
        self.daemon = True
        self.over = False
        self._socket: socket.socket | None = None

    def watch(self, connected: socket.socket) -> None:
        """The answer comes from there."""
        self._socket = connected
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        if self._socket is not None:
            with suppress(OSError):  # the server has hung up meanwhile
                self._socket.shutdown(socket.SHUT_RDWR)


class InTimeTransport(httpx.HTTPTransport):
    """A transport whose every answer takes at most so many seconds, from the connection to the last byte. It keeps no connection open."""

    def __init__(self, seconds: float) -> None:
        super().__init__(verify=authorities(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
        self._seconds = seconds

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx does it, but with the body read to its end. Raises httpx.ReadTimeout when it is not whole in time."""
        limit = Limit(self._seconds)

        def traced(event: str, told: Mapping[str, Any]) -> None:
            if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                limit.watch(told["return_value"].get_extra_info("socket"))

        request.extensions = {**request.extensions, "trace": traced}
        limit.start()
        try:
            response = super().handle_request(request)
            with closing(cast("httpx.SyncByteStream", response.stream)) as answer:
                response.stream = httpx.ByteStream(b"".join(answer))
        except httpx.TransportError:
            if not limit.over:
                raise
        finally:
            limit.cancel()
        if limit.over:
            raise httpx.ReadTimeout(f"no whole answer in {self._seconds:g} s", request=request)
        return response
