"""Which thread collects the server's garbage."""

from __future__ import annotations

import subprocess
import sys

SERVE = """
import threading, time
from deployments import prefect_process

found_by = set()

class Cursor:
    def __init__(self):
        self.itself = self
    def __del__(self):
        found_by.add(threading.current_thread().name)

def serve(name, **settings):
    assert name == "prefect"
    last = time.monotonic() + 20
    while not found_by and time.monotonic() < last:
        for _ in range(2000):
            Cursor()
        time.sleep(0.05)

prefect_process.runpy.run_module = serve
prefect_process.main()
print(sorted(found_by))
"""


def test_the_event_loops_thread_never_collects() -> None:
    """A cursor's end is never met in the thread that runs the server: waiting for a connection there stops everything for a minute."""
    ran = subprocess.run([sys.executable, "-c", SERVE], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("['garbage collector']\n", "")
