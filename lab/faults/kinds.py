"""The kinds of fault and the file through which agents learn of theirs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path


class Fault(Enum):
    """Everything that `python -m lab fault` can do; the package's docstring says what each one is."""

    LATENCY = "latency"
    CPU = "cpu"
    MEMORY = "memory"
    LEAK = "leak"
    ERRORS = "errors"
    CRASH_AT_START = "crash-at-start"
    CRASH_AFTER = "crash-after"
    NEVER_HEALTHY = "never-healthy"
    LIES = "lies"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    HANGS = "hangs"
    EXPORTER_DEAD = "exporter-dead"
    HUB_DOWN = "prometheus-down"
    HUB_DEAD = "hub-dead"
    NOISY_NEIGHBOUR = "noisy-neighbour"
    SUPERVISORD_KILLED = "supervisord-killed"
    RESTARTED = "restarted"


@dataclass(frozen=True, slots=True)
class Order:
    """One fault in force: on which agents (ids) and machines; percent and seconds where the kind has them."""

    fault: Fault
    agents: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    percent: float = 0.0
    seconds: float = 0.0
    only_with_metrics: bool = True


def read_orders(file: Path) -> tuple[Order, ...]:
    """The faults in force; none when there is no file."""
    try:
        rows = json.loads(file.read_bytes())
    except FileNotFoundError:
        return ()
    return tuple(Order(**row | {"fault": Fault(row["fault"]), "agents": tuple(row["agents"]), "machines": tuple(row["machines"])}) for row in rows)


def write_orders(file: Path, orders: tuple[Order, ...]) -> None:
    """Replaces the file in one step, so that no agent ever reads half of it."""
    rows = [asdict(order) | {"fault": order.fault.value} for order in orders]
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    draft.replace(file)


class Watch:
    """Tells whether the fault file has changed since the last look, at the price of one stat."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None

    def changed(self) -> tuple[Order, ...] | None:
        """The orders when the file is new or gone since the last call, else None."""
        try:
            status = self._file.stat()
            now = (status.st_ino, status.st_mtime_ns)
        except FileNotFoundError:
            now = (0, 0)
        if now == self._seen:
            return None
        self._seen = now
        return read_orders(self._file)
