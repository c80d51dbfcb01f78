"""A server that never comes to the end of an answer, and never falls silent either."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BEGINNINGS = (b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
"""Up to where an answer may come at once."""


@contextmanager
def trickling(begins: bytes) -> Iterator[tuple[str, threading.Event]]:
    """Its URL, and whether the one who asked has hung up. begins: what is sent before a byte now and then."""
    hung_up = threading.Event()

    class Trickling(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(9999)
            try:
                self.request.sendall(begins)
                while not hung_up.wait(0.1):
                    self.request.sendall(b"x")
            except OSError:
                hung_up.set()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Trickling) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", hung_up
        finally:
            hung_up.set()
            server.shutdown()
