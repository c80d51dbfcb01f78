"""Waiting for a source that fails, of metrics or of alerts: its own budget, growing pauses, and a person at the end of it; never a verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flows.day_run import DayRun
from rollout.errors import Held, SourceFault

Answer = TypeVar("Answer")

LONGEST_PAUSE = 10.0
"""Seconds between two attempts, at most."""


def patiently(run: DayRun, ask: Callable[[], Answer], source: str = "metrics source") -> Answer:
    """Ask until a source answers. source: what is asked. Raises Held when none did within the plan's budget."""
    deadline, pause = run.deadline(run.day.source_budget), 1.0
    while True:
        try:
            return ask()
        except SourceFault as fault:
            if deadline.passed:
                raise Held(f"no {source} for {run.day.source_budget:.0f} s: {fault}") from fault
            run.log.warning("waiting for a %s: %s", source, fault)
            run.wait_until(run.site.clock.now() + min(pause, deadline.remaining))
            pause = min(2 * pause, LONGEST_PAUSE)
