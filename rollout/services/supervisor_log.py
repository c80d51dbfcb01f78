"""What supervisord's own log says of the ends and starts of its programs (supervisor/process.py, spawn and finish)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from rollout.services.port import Outage

LINE = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \w+ "
    r"(?:(?P<how>stopped|exited): (?P<ended>\S+) \(|spawned: '(?P<spawned>[^']+)' with pid (?P<pid>\d+))",
    re.MULTILINE,
)


def outages_in(log: str, started: Mapping[int, float]) -> dict[str, tuple[Outage, ...]]:
    """By program, each end with the start that followed it; an end that nothing followed is none yet.

    started: Unix seconds by pid, of processes that live. The log tells the time of day where supervisord runs; a start that is known otherwise
    too says how far that is from Unix time. Programs of a log in which no such start stands are left out.
    """
    ends: dict[str, tuple[float, bool]] = {}
    found: dict[str, list[Outage]] = {}
    shift: float | None = None
    for line in LINE.finditer(log):
        at = datetime.strptime(line["at"], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC).timestamp()
        if line["how"]:
            ends[line["ended"]] = (at, line["how"] == "stopped")
            continue
        pid, name = int(line["pid"]), line["spawned"]
        if pid in started:
            shift = started[pid] - at
        if name in ends:
            ended, asked = ends.pop(name)
            found.setdefault(name, []).append(Outage(ended, at, asked))
    if shift is None:
        return {}
    return {name: tuple(Outage(each.ended + shift, each.spawned + shift, each.asked) for each in outages) for name, outages in found.items()}
