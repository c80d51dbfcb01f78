"""Two real Prometheus servers that write to each other, with a watchdog and a few targets on each machine.

Small on purpose: only what takes part in a takeover. The hubs of a site are configured by the rollout itself.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lab.binaries import find
from rollout.services.hub_programs import RELOAD

USER, PASSWORD = "hub", "secret"
# bcrypt of PASSWORD at its lowest cost: the hubs compare it at each first request after a start.
HASHED = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
HUB_PORT, WATCHDOG_PORT, TARGET_PORT = 9000, 9200, 9300

TARGETS = """
import http.server, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    def do_GET(self):
        body = f"ticks_total {time.monotonic():.3f}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Answer).serve_forever()
"""

START = 60.0
"""Seconds for both hubs and watchdogs to be there; long, for machines that do other work too."""

Stamps = Mapping[str, Mapping[str, list[float]]]
"""Times of samples by target and by the hub that scraped them."""


@dataclass(frozen=True)
class Rule:
    """What is common to both hubs. scrape, interval: seconds; window: out_of_order_time_window; send: batch_send_deadline of remote write."""

    scrape: float = 1.0
    interval: float = 0.5
    fall: int = 3
    rise: int = 5
    window: str = "30m"
    send: str = "1s"
    targets: int = 6


@dataclass
class Hub:
    """One machine's hub with its watchdog. prefix: words before each command, to run it in another network namespace."""

    name: str
    address: str
    folder: Path
    prefix: tuple[str, ...] = ()
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.address}:{HUB_PORT}"

    @property
    def taken_over(self) -> bool:
        """Whether this machine's watchdog has taken over, as its folder says."""
        return any((self.folder / "takeover").glob("*.json"))

    def configure(self, peer: Hub, rule: Rule) -> None:
        """Write everything that its processes read."""
        for part in ("targets", "standby", "takeover"):
            (self.folder / part).mkdir(parents=True)
        (self.folder / "prometheus.json").write_text(json.dumps(self._prometheus(peer, rule)))
        (self.folder / "web.json").write_text(json.dumps({"basic_auth_users": {USER: HASHED}}))
        (self.folder / "targets" / "agents.json").write_text(self.targets(rule))
        (self.folder / "standby" / "agents.json").write_text(peer.targets(rule))

    def targets(self, rule: Rule) -> str:
        """The machine's own targets as file_sd."""
        entries = [
            {"targets": [f"{self.address}:{TARGET_PORT}"], "labels": {"machine": self.name, "agent": f"A{n}", "__metrics_path__": f"/A{n}"}}
            for n in range(rule.targets)
        ]
        return json.dumps(entries)

    def _prometheus(self, peer: Hub, rule: Rule) -> dict[str, Any]:
        seconds = f"{rule.scrape * 1000:.0f}ms"
        files = {"files": [f"{self.folder}/{part}/agents.json" for part in ("targets", "takeover")], "refresh_interval": "1s"}
        scrape = {"job_name": "agents", "file_sd_configs": [files], "relabel_configs": [{"target_label": "scraped_by", "replacement": self.name}]}
        guard = {"source_labels": ["scraped_by"], "regex": self.name, "action": "keep"}
        write = {
            "url": f"{peer.url}/api/v1/write",
            "basic_auth": {"username": USER, "password": PASSWORD},
            "write_relabel_configs": [guard],
            "queue_config": {"batch_send_deadline": rule.send},
        }
        return {
            "global": {"scrape_interval": seconds, "scrape_timeout": seconds},
            "scrape_configs": [scrape],
            "remote_write": [write],
            "storage": {"tsdb": {"out_of_order_time_window": rule.window}},
        }

    def start_hub(self) -> None:
        """Start its Prometheus."""
        reload = f"--scrape.discovery-reload-interval={RELOAD}"  # as a site's hubs have it
        options = ["--web.enable-remote-write-receiver", "--log.level=warn", f"--web.config.file={self.folder}/web.json", reload]
        place = [
            f"--config.file={self.folder}/prometheus.json",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address={self.address}:{HUB_PORT}",
        ]
        self._start("hub", [str(find("prometheus")), *options, *place])

    def start_watchdog(self, peer: Hub, rule: Rule) -> None:
        """Start its watchdog, as a supervisor would."""
        where = ["--hub", self.url, "--peer", peer.url, "--standby", f"{self.folder}/standby", "--takeover", f"{self.folder}/takeover"]
        pace = ["--interval", str(rule.interval), "--fall", str(rule.fall), "--rise", str(rule.rise)]
        command = [sys.executable, "-m", "rollout.observe.watchdog", *where, "--listen", f"{self.address}:{WATCHDOG_PORT}", *pace]
        self._start("watchdog", command)

    def start_targets(self) -> None:
        """Start what it scrapes."""
        self._start("targets", [sys.executable, "-c", TARGETS, self.address, str(TARGET_PORT)])

    def signal(self, name: str, sig: signal.Signals) -> None:
        """Send one of its processes a signal; a kill is waited for."""
        self.processes[name].send_signal(sig)
        if sig in {signal.SIGKILL, signal.SIGTERM}:
            self.processes.pop(name).wait(20)

    def stop(self) -> None:
        """End whatever of it still runs."""
        for name in list(self.processes):
            self.signal(name, signal.SIGKILL)

    def ready(self) -> bool:
        """Whether it serves and scrapes."""
        try:
            return self._get("/-/ready", {}).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of one instant query."""
        result: list[dict[str, Any]] = self._get("/api/v1/query", {"query": expression}).raise_for_status().json()["data"]["result"]
        return result

    def stamps(self, since: float, machine: str) -> Stamps:
        """When the targets of a machine were sampled since then, as this hub has it now."""
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for series in self.query(f'up{{machine="{machine}"}}[{time.time() - since:.0f}s]'):
            labels = series["metric"]
            found[f"{labels['machine']}/{labels['agent']}"][labels["scraped_by"]] += [t for t, value in series["values"] if value == "1"]
        return found

    def told(self) -> str:
        """The exposition of its watchdog; empty when that does not answer."""
        try:
            return httpx.get(f"http://{self.address}:{WATCHDOG_PORT}/metrics", trust_env=False).raise_for_status().text
        except httpx.HTTPError:
            return ""

    @property
    def state(self) -> str:
        """What its watchdog says of itself; empty when that does not answer."""
        return "".join(re.findall(r'^rollout_watchdog_state{state="(\w+)"} 1.0$', self.told(), re.MULTILINE))

    def _get(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", params=parameters, auth=(USER, PASSWORD), trust_env=False, timeout=10)

    def _start(self, name: str, command: list[str]) -> None:
        environment = os.environ | {"ROLLOUT_HUB_USER": USER, "ROLLOUT_HUB_PASSWORD": PASSWORD}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen([*self.prefix, *command], env=environment, stdout=log, stderr=log)


@contextmanager
def pair(central: Hub, edge: Hub, rule: Rule) -> Iterator[None]:
    """Both hubs with watchdogs and targets, ready and watching; all ended afterwards."""
    try:
        for hub, peer in ((central, edge), (edge, central)):
            hub.configure(peer, rule)
            hub.start_targets()
            hub.start_hub()
        for hub, peer in ((central, edge), (edge, central)):
            until(hub.ready, START)
            hub.start_watchdog(peer, rule)
        until(lambda: central.state == edge.state == "watching", START)
        yield
    finally:
        central.stop()
        edge.stop()


def until(holds: Callable[[], bool], seconds: float) -> float:
    """Unix seconds at which it held first, to 20 ms; TimeoutError when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {seconds:.0f} s")
        time.sleep(0.02)
    return time.time()
