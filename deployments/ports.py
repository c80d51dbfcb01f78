"""Who holds a TCP port of this machine."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from deployments.processes import command_of

LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp."""


def free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that only wait for their end do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """The process that listens on that port, as "pid 12: its command", or "a process that is not ours to see"."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        if inodes & links_in(descriptors):
            pid = int(descriptors.parent.name)
            return f"pid {pid}: {command_of(pid)[:120]}"
    return "a process that is not ours to see"


def links_in(folder: Path) -> set[str]:
    """Where the links of a folder lead; those that vanish or are not ours to read count as none."""
    found = set()
    with suppress(OSError):
        for link in folder.iterdir():
            with suppress(OSError):
                found.add(str(link.readlink()))
    return found
