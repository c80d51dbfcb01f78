"""Runs the `prefect` command with Python's garbage collector in a thread of its own: `python -m deployments.prefect_process server start ...`.

A cursor that dies in the collector waits for its database connection. Where the collector runs in the event loop's thread and that connection waits
for SQLite's write lock, whose holder waits for the event loop, the server stands still for the 60 s of SQLite's patience (docs/decisions/0035).
"""

from __future__ import annotations

import gc
import runpy
import threading
import time

LOOK = 0.5
"""Seconds between two looks at what there is to collect."""


def collect_forever() -> None:
    """Collect each generation at the collector's own thresholds."""
    while True:
        time.sleep(LOOK)
        thresholds, counts = gc.get_threshold(), gc.get_count()
        due = [generation for generation, limit in enumerate(thresholds) if counts[generation] > limit]
        if due:
            gc.collect(due[-1])


def main() -> None:
    """Hand the collector over, then become that command."""
    gc.disable()
    threading.Thread(target=collect_forever, name="garbage collector", daemon=True).start()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
