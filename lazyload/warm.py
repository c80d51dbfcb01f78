"""The warm-up: what was deferred is imported in the background once the program serves, so that no request pays for it."""

from __future__ import annotations

import socket
import sys
import threading
import time
from types import MethodType

from lazyload.deferred import EVERY

WITHOUT_LISTENING = 30.0
"""Seconds after which a program that has not listened by then is taken to be ready."""
BREATH = 0.02
"""Seconds between two imports, in which requests that came meanwhile are answered."""


def warm_after_listening(seconds: float) -> None:
    """Warms `seconds` after the process first listens on a socket of Python's own; one that never does is warmed after half a minute."""
    listening = threading.Event()
    listen = socket.socket.listen

    def first_listen(self: socket.socket, *backlog: int) -> None:
        socket.socket.listen = listen  # type: ignore[method-assign]
        MethodType(listen, self)(*backlog)
        listening.set()

    socket.socket.listen = first_listen  # type: ignore[method-assign,assignment]
    threading.Thread(target=_warm, args=(listening, seconds), name="lazyload-warm", daemon=True).start()


def _warm(listening: threading.Event, seconds: float) -> None:
    listening.wait(WITHOUT_LISTENING)
    time.sleep(seconds)
    for deferred in list(EVERY):
        for name in deferred.waiting():
            try:
                deferred.find(name)
            except Exception as error:  # noqa: BLE001 (the first use will raise it where it belongs)
                sys.stderr.write(f"lazyload: warming {name} failed: {error!r}\n")
            time.sleep(BREATH)
