"""The failover watchdog: one a machine, beside that machine's hub; takes over the peer's targets when the peer dies and gives them back.

A service of its own, under the machine's supervisord: it needs neither Prefect nor the peer's machine. What it decides stands in
rollout/failover.py, why in docs/decisions/0041. Stopping it changes nothing: what it took over stays with its hub, and its next life finds it in
the takeover folder.
"""

from __future__ import annotations

import argparse
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import httpx

from rollout.clock import Clock, SystemClock
from rollout.errors import InputError, SourceFault
from rollout.failover import Act, Answer, Observation, Settings, Watch, step
from rollout.observe.exporter import ExporterServer
from rollout.observe.hub_check import HubCheck
from rollout.observe.watchdog_metrics import Checked, Facts, WatchdogMetrics
from rollout.services.takeover import TakeoverFolders

TIMEOUT_SHARE = 0.8
"""Of the interval, for one answer: with a peer that hangs, death shows after `fall` intervals and this much of one more."""

_log = logging.getLogger("rollout.watchdog")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a watchdog is started with. hub, peer: URLs; listen: HOST:PORT; interval: seconds between two checks."""

    hub: str
    peer: str
    standby: Path
    takeover: Path
    listen: str
    interval: float
    settings: Settings

    def __post_init__(self) -> None:
        if self.interval <= 0:
            raise InputError("command line", "--interval", f"must be more than 0 s, not {self.interval:g}")


class Watchdog:
    """Checks, decides, acts. A check whose act fails has not happened: the next one decides the same again."""

    def __init__(self, check: HubCheck, folders: TakeoverFolders, settings: Settings, clock: Clock) -> None:
        self._check = check
        self._folders = folders
        self._settings = settings
        self._clock = clock
        self._watch = Watch(taken=folders.is_taken())
        self._answered = clock.monotonic()
        self._said = ""
        self.facts = Facts()

    def run(self, interval: float) -> None:
        """A check every interval seconds, for ever; one that took longer is not made up for."""
        due = self._clock.monotonic()
        while True:
            self.once()
            due = max(due + interval, self._clock.monotonic())
            self._clock.sleep(due - self._clock.monotonic())

    def once(self) -> None:
        """One check with its act."""
        begun = self._clock.monotonic()
        hub, peer = self._check.answers()
        if peer is not Answer.FAILED:
            self._answered = begun
        unproven = self._unproven() if peer is Answer.READY and self._watch.due(self._settings) else None
        before = self._watch
        after, act = step(before, Observation(hub, peer, scraping=unproven == 0), self._settings)
        try:
            self._folders.hold() if after.taken else self._folders.release()
        except OSError as error:
            self._say(f"{act.value} failed, to be tried again: {error}")
            self.facts.act_failures += 1
            return
        self._watch = after
        if act is Act.TAKE_OVER:
            self.facts.detection = self._clock.monotonic() - self._answered
        self.facts.count(before, after, act)
        if before.standing is not after.standing:
            _log.info("%s -> %s", before.standing.value, after.standing.value)
            self._said = ""
        self.facts.last = Checked(after, peer, len(self._folders.taken()), unproven, self._folders.unusable, self._clock.now())

    def _unproven(self) -> int | None:
        """Targets that the peer does not scrape yet; None when it does not tell."""
        try:
            return self._check.unproven(self._folders.taken())
        except SourceFault as fault:
            self._say(f"{fault}; nothing is given back")
            return None

    def _say(self, trouble: str) -> None:
        """Tell a trouble once, and not at every check that has it."""
        if trouble != self._said:
            _log.warning(trouble)
        self._said = trouble


def serve(wiring: Wiring, user: str, password: str) -> None:
    """Watches until the process is stopped; OSError when the port is taken or the takeover folder cannot be read."""
    timeout = wiring.interval * TIMEOUT_SHARE
    host, _, port = wiring.listen.rpartition(":")
    with httpx.Client(
        auth=(user, password) if user or password else None,
        timeout=timeout,
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),  # that somebody still accepts is part of the question
    ) as client:
        check = HubCheck(wiring.hub, wiring.peer, client, timeout)
        watchdog = Watchdog(check, TakeoverFolders(wiring.standby, wiring.takeover), wiring.settings, SystemClock())
        with ExporterServer((host, int(port)), WatchdogMetrics(watchdog.facts)) as server:
            threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
            watchdog.run(wiring.interval)


def main() -> None:
    """`python -m rollout.observe.watchdog`; user name and password come from the environment, never from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hub", required=True, help="URL of this machine's hub")
    parser.add_argument("--peer", required=True, help="URL of the other machine's hub")
    parser.add_argument("--standby", required=True, type=Path, help="folder with the peer's targets, <job>.json each")
    parser.add_argument("--takeover", required=True, type=Path, help="folder that this machine's hub reads besides its own targets")
    parser.add_argument("--listen", required=True, help="host:port for /metrics")
    parser.add_argument("--interval", required=True, type=float, help="seconds between two checks")
    parser.add_argument("--fall", required=True, type=int, help="failed checks in a row that mean death")
    parser.add_argument("--rise", required=True, type=int, help="ready checks in a row before a hand-back")
    given = parser.parse_args()
    start(Wiring(given.hub, given.peer, given.standby, given.takeover, given.listen, given.interval, Settings(given.fall, given.rise)))


def start(wiring: Wiring) -> None:
    """Watches with the credentials of the environment, telling every change of standing on stderr."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request
    serve(wiring, os.environ.get("ROLLOUT_HUB_USER", ""), os.environ.get("ROLLOUT_HUB_PASSWORD", ""))


if __name__ == "__main__":
    main()
