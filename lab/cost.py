"""What this process costs: its CPU time, its memory, its age."""

from __future__ import annotations

import os
import time
from pathlib import Path


def burn(nanoseconds: int) -> None:
    """Takes this much CPU time, whatever else the machine does; none when it is negative."""
    end = time.thread_time_ns() + nanoseconds
    while time.thread_time_ns() < end:
        pass


def resident_bytes() -> int:
    """The resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def age_of_this_process() -> float:
    """Seconds since the kernel started this process (to 10 ms)."""
    after_name = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(after_name[19]) / os.sysconf("SC_CLK_TCK")
