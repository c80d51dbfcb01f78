"""Who listens where on this machine, address included: what a fleet file needs and no supervisor knows (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

LISTENING = "0A"
"""State column of /proc/net/tcp for a listening socket."""
ANY = "0.0.0.0"  # noqa: S104 (what a wildcard listener is listed under; nothing is bound here)


def listening(pids: Iterable[int]) -> dict[int, tuple[tuple[str, int], ...]]:
    """The IPv4 addresses and ports on which each process listens, by pid; processes that nobody may look into have none."""
    sockets = _sockets()
    return {pid: tuple(sorted(sockets[inode] for inode in _inodes(pid) if inode in sockets)) for pid in pids}


def _sockets() -> dict[int, tuple[str, int]]:
    found = {}
    with Path("/proc/net/tcp").open(encoding="ascii") as rows:
        next(rows)
        for row in rows:
            columns = row.split()
            address, _, port = columns[1].partition(":")
            if columns[3] == LISTENING:
                octets = [str(int(address[at : at + 2], 16)) for at in (6, 4, 2, 0)]
                found[int(columns[9])] = (".".join(octets), int(port, 16))
    return found


def _inodes(pid: int) -> Iterable[int]:
    folder = Path(f"/proc/{pid}/fd")
    try:
        links = [os.readlink(entry) for entry in folder.iterdir()]  # noqa: PTH115 (a socket's link is no path)
    except OSError:
        return []
    return [int(link[8:-1]) for link in links if link.startswith("socket:[")]
