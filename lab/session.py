"""A session of its own for each program of the lab.

Kernels with automatic task groups (a common default) share the CPU by session, not by process. In its supervisor's session each of 54 agents
would get a 54th of what any shell gets, and a compiler in another window would show as latency of the fleet: measured 50-120 ms instead of 30.
"""

from __future__ import annotations

import os
import sys


def enter() -> None:
    """Moves this process into a session of its own; its pid stays.

    supervisord makes each program the leader of a process group, and a leader may not open a session: it joins its parent's group first.
    One that was started in a session of its own is left there.
    """
    if os.getsid(0) == os.getpid():
        return
    if os.getpgrp() == os.getpid():
        os.setpgid(0, os.getpgid(os.getppid()))
    os.setsid()


def main() -> None:
    """`python -m lab.session COMMAND ...` becomes that command, in a session of its own."""
    enter()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main()
