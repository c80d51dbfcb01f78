"""One page in headless Chromium, by the DevTools protocol."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0


class Tab:
    """A tab and what happened in it: events holds every notice of the browser's so far."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, count(1)
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """The result of a method."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(timeout=PATIENCE))).get("id") != number:
            self.events.append(answer)
        return dict(answer["result"])

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression is, as JSON."""
        return json.loads(self.call("Runtime.evaluate", expression=f"JSON.stringify({expression})")["result"]["value"])

    def show(self, url: str, width: int, scheme: str) -> None:
        """Load a page on a screen of that width, light or dark, and wait until it is there."""
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)
        until = time.monotonic() + PATIENCE
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            assert time.monotonic() < until, "the page did not load"
            self.evaluate("1")
            time.sleep(0.1)


@contextmanager
def tab() -> Iterator[Tab]:
    """A browser of its own, gone afterwards."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # its helpers may still write when it has ended
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        with subprocess.Popen(["chromium", *words, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                pages = httpx.get(f"http://127.0.0.1:{_port(Path(profile) / 'DevToolsActivePort')}/json/list", trust_env=False).json()
                address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
                with connect(address, max_size=None) as socket:
                    yield Tab(socket)
            finally:
                process.terminate()


def _port(file: Path) -> int:
    """The port that the browser has chosen, as soon as it says so."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if file.exists() and (lines := file.read_text(encoding="utf-8").splitlines()):
            return int(lines[0])
        time.sleep(0.2)
    raise AssertionError("chromium did not start")
