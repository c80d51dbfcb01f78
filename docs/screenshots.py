"""Takes the pictures of docs/operations.md from a real server in headless Chromium.

Run it while the server is up and has runs, as after `./demo --week --keep`: `.venv/bin/python docs/screenshots.py --page day-1=REPORT.html
--page week=REPORT.html`. Needs `chromium` on PATH.
"""

from __future__ import annotations

import argparse
import base64
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

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = (1280, 900)
RENDERING = 4.0
"""Seconds after which a page has loaded and faded in."""


class Page:
    """One page of a browser, spoken to by the Chrome DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)

    def show(self, url: str) -> None:
        """Open a page and wait until it is there."""
        self._call("Page.navigate", url=url)
        time.sleep(RENDERING)

    def click(self, text: str) -> None:
        """Press the first button of that text."""
        found = f"[...document.querySelectorAll('button')].find(each => each.innerText.trim() === {json.dumps(text)})"
        self._call("Runtime.evaluate", expression=f"{found}.click()")
        time.sleep(RENDERING)

    def take(self, file: Path) -> None:
        """A picture of what is seen now."""
        file.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))
        print(f"{file.name}: {file.stat().st_size // 1024} KiB")

    def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(timeout=60))).get("id") != number:
            continue
        result: dict[str, Any] = answer["result"]
        return result


@contextmanager
def browser() -> Iterator[Page]:
    """A browser of its own, gone afterwards."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # its helpers may still write when it has ended
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        arguments += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        window = f"--window-size={SIZE[0]},{SIZE[1]}"
        with subprocess.Popen(["chromium", *arguments, window, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                port = _port(Path(profile) / "DevToolsActivePort")
                pages = httpx.get(f"http://127.0.0.1:{port}/json/list", trust_env=False).json()
                address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
                with connect(address, max_size=None) as socket:
                    yield Page(socket)
            finally:
                process.terminate()


def _port(file: Path) -> int:
    """The port that the browser has chosen, as soon as it says so."""
    for _ in range(100):
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.2)
    raise SystemExit("chromium did not start")


def main() -> None:
    """One picture for each page that an SRE works with."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--ui", default="http://127.0.0.1:4200")
    asked.add_argument("--page", action="append", default=[], metavar="NAME=FILE", help="a report.html, as page-NAME.png")
    options = asked.parse_args()
    ui = options.ui
    day = httpx.get(f"{ui}/api/deployments/name/day-1-metrics/day-1", timeout=30, trust_env=False).raise_for_status().json()["id"]
    runs: dict[str, Any] = {"deployments": {"id": {"any_": [day]}}, "sort": "START_TIME_DESC"}
    report = _newest(ui, "artifacts", {"artifacts": {"key": {"like_": "day-1-%-report"}}, "sort": "CREATED_DESC"})
    IMAGES.mkdir(exist_ok=True)
    with browser() as page:
        for name, path in (
            ("deployments", "deployments"),
            ("form", f"deployments/deployment/{day}/run"),
            ("run", f"runs/flow-run/{_newest(ui, 'flow_runs', runs)}"),
            ("report", f"artifacts/artifact/{report}"),
            ("automations", "automations"),
        ):
            page.show(f"{ui}/{path}")
            page.take(IMAGES / f"{name}.png")
        for word in options.page:
            name, _, file = word.partition("=")
            page.show(Path(file).resolve().as_uri())
            page.take(IMAGES / f"page-{name}.png")
        if held := _newest(ui, "flow_runs", runs | {"flow_runs": {"state": {"name": {"any_": ["Suspended"]}}}}):
            page.show(f"{ui}/runs/flow-run/{held}")
            page.click("Resume")
            page.take(IMAGES / "held.png")


def _newest(ui: str, kind: str, wanted: dict[str, Any]) -> str:
    """The id of the first that the filter finds; empty without any."""
    found = httpx.post(f"{ui}/api/{kind}/filter", json=wanted | {"limit": 1}, timeout=30, trust_env=False).raise_for_status().json()
    return str(found[0]["id"]) if found else ""


if __name__ == "__main__":
    main()
