"""What the death of a hub costs: detection, gap per target, return, back-fill.

python benchmarks/takeover.py [--rounds 5] [--victim central|edge] [--how kill|hang|cut] [--outage 25] [--window 30m] [--send 1s]

Two real hubs at a 1 s scrape, watchdogs at 0.5 s. kill: SIGKILL and a new start; hang: SIGSTOP and SIGCONT, a hub that accepts and never answers;
cut: the machines lose each other without a word, both alive (root and `ip netns` needed: the edge gets a namespace of its own).
The gap is told at the survivor in the end: the longest time without a sample of a target of the victim's machine, by whichever hub, and the
scrapes that are missing; after a kill that is from the victim's last sample that arrived to the survivor's first own. A cut has no survivor: its
back-fill is the worse direction. The seam is the same from the return on, doubles are targets that a query counts twice although it drops scraped_by.
Goals: detection <= 2 s, median gap <= 6 s, back-fill 1.000.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Self

from two_hubs import Hub, Rule, Stamps, pair, until

STEADY = 12.0
"""Seconds of quiet before and after each outage."""
BACK_FILL = 30.0
"""Seconds after which what has not arrived will not."""


@dataclass(frozen=True)
class Round:
    """One outage. gaps, missing: per target of the victim at the survivor; seams: longest time without a sample there after the return."""

    detection: float
    gaps: list[float]
    missing: list[int]
    back: float
    seams: list[float]
    back_fill: float
    doubles: int

    def __str__(self) -> str:
        gap = f"{median(self.gaps):5.1f} ({max(self.gaps):4.1f})  {median(self.missing):5.0f} ({max(self.missing):2d})"
        return f"{self.detection:9.2f}  {gap}  {self.back:7.1f}  {max(self.seams):5.1f}  {self.back_fill:9.3f}  {self.doubles:7d}"


HEAD = "detection  gap (most)  missed (most)   return   seam  back-fill  doubles"


class Wire:
    """A cable between this namespace and the edge's; cut, every packet goes astray without a word."""

    NAMESPACE, HERE, THERE = "takeover-edge", "10.77.0.1", "10.77.0.2"

    def __enter__(self) -> Self:
        self._ip("netns", "add", self.NAMESPACE)
        self._ip("link", "add", "wire0", "type", "veth", "peer", "name", "wire1", "netns", self.NAMESPACE)
        self._ip("addr", "add", f"{self.HERE}/24", "dev", "wire0")
        self._ip("link", "set", "wire0", "up")
        self._ip("-n", self.NAMESPACE, "addr", "add", f"{self.THERE}/24", "dev", "wire1")
        for device in ("lo", "wire1"):
            self._ip("-n", self.NAMESPACE, "link", "set", device, "up")
        return self

    def __exit__(self, *_: object) -> None:
        self._ip("link", "del", "wire0")
        self._ip("netns", "del", self.NAMESPACE)

    def cut(self) -> None:
        """Each end sends to a neighbour that does not exist."""
        wrong = ("lladdr", "02:00:00:00:00:99", "nud", "permanent")
        self._ip("neigh", "replace", self.THERE, *wrong, "dev", "wire0")
        self._ip("-n", self.NAMESPACE, "neigh", "replace", self.HERE, *wrong, "dev", "wire1")

    def mend(self) -> None:
        """Both find each other again."""
        self._ip("neigh", "del", self.THERE, "dev", "wire0")
        self._ip("-n", self.NAMESPACE, "neigh", "del", self.HERE, "dev", "wire1")

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True)


@contextmanager
def outage(victim: Hub, how: str, wire: Wire | None) -> Iterator[None]:
    """The victim is gone inside."""
    if wire is not None:
        wire.cut()
        yield
        wire.mend()
    elif how == "hang":
        victim.signal("hub", signal.SIGSTOP)
        yield
        victim.signal("hub", signal.SIGCONT)
    else:
        victim.signal("hub", signal.SIGKILL)
        yield
        victim.start_hub()


def once(victim: Hub, survivor: Hub, how: str, seconds: float, wire: Wire | None) -> Round:
    """One outage of so many seconds, measured when it is over."""
    begun = time.time() - STEADY
    with outage(victim, how, wire):
        lost = time.time()
        detected = until(lambda: survivor.taken_over, 20) - lost
        if wire is not None:
            until(lambda: victim.taken_over, 20)
        time.sleep(seconds - (time.time() - lost))
        found = time.time()
    back = until(lambda: not survivor.taken_over and not victim.taken_over, 120) - found
    time.sleep(BACK_FILL)
    here = survivor.stamps(begun, victim.name)
    gaps = [_hole(by, lost - STEADY / 2, found + 2) for by in here.values()]
    directions = [(survivor, victim)] if wire is None else [(survivor, victim), (victim, survivor)]
    return Round(
        detected,
        gaps,
        [round(gap) - 1 for gap in gaps],
        back,
        [_hole(by, found, time.time()) for by in here.values()],
        min(_share(one, other, begun, lost, found) for one, other in directions),
        _doubles(survivor) + _doubles(victim),
    )


def _hole(by: Mapping[str, list[float]], begin: float, end: float) -> float:
    """The longest time without a sample between those moments."""
    return max(b - a for a, b in pairwise(sorted(t for stamps in by.values() for t in stamps if begin <= t <= end)))


def _share(one: Hub, other: Hub, begun: float, lost: float, found: float) -> float:
    """Of the one's own samples during the outage, those that the other has too."""
    there, here = (set(_own(hub, one.name, begun, lost, found)) for hub in (other, one))
    return len(there & here) / len(here)


def _own(hub: Hub, scraper: str, begun: float, lost: float, found: float) -> Iterator[tuple[str, float]]:
    for machine in ("central", "edge"):
        stamps: Stamps = hub.stamps(begun, machine)
        for target, by in stamps.items():
            yield from ((target, t) for t in by.get(scraper, []) if lost < t < found)


def _doubles(hub: Hub) -> int:
    """Targets that a query counts more than once although it drops scraped_by."""
    return sum(int(series["value"][1]) - 1 for series in hub.query("count by (machine, agent) (max without (scraped_by) (up))"))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--victim", choices=["central", "edge"], default="central")
    parser.add_argument("--how", choices=["kill", "hang", "cut"], default="kill")
    parser.add_argument("--outage", type=float, default=25, help="seconds")
    parser.add_argument("--window", default="30m", help="out_of_order_time_window")
    parser.add_argument("--send", default="1s", help="batch_send_deadline of remote write")
    options = parser.parse_args()
    rule = Rule(window=options.window, send=options.send)
    with TemporaryDirectory() as folder:
        if options.how == "cut":
            with Wire() as wire:
                inside = ("ip", "netns", "exec", wire.NAMESPACE)
                measure(
                    Hub("central", wire.HERE, Path(folder, "central")), Hub("edge", wire.THERE, Path(folder, "edge"), inside), rule, options, wire
                )
        else:
            measure(Hub("central", "127.0.10.1", Path(folder, "central")), Hub("edge", "127.0.20.1", Path(folder, "edge")), rule, options, None)


def measure(central: Hub, edge: Hub, rule: Rule, options: argparse.Namespace, wire: Wire | None) -> None:
    """The rounds, one line each, and the medians."""
    victim, survivor = (central, edge) if options.victim == "central" else (edge, central)
    rounds = []
    with pair(central, edge, rule):
        print(
            f"{options.victim}, {options.how}, {options.outage:g} s, window {rule.window}, send {rule.send}, {rule.targets} targets a machine\n{HEAD}"
        )
        for _ in range(options.rounds):
            time.sleep(STEADY)
            rounds.append(once(victim, survivor, options.how, options.outage, wire))
            print(rounds[-1], flush=True)
    gaps = [gap for each in rounds for gap in each.gaps]
    detections = [each.detection for each in rounds]
    print(f"detection: median {median(detections):.2f} s, most {max(detections):.2f} s; gap: median {median(gaps):.1f} s, most {max(gaps):.1f} s")


if __name__ == "__main__":
    main()
