"""Where processes listen, as the kernel tells it: /proc/net/tcp and the sockets that each process holds (proc(5))."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

LISTENING = "0A"


def listening(pids: Iterable[int]) -> set[str]:
    """The addresses, without ports, at which any of these processes takes TCP connections."""
    held = {link for pid in pids for link in _sockets(pid)}
    return {address for inode, address in _listeners() if f"socket:[{inode}]" in held}


def _sockets(pid: int) -> set[str]:
    links = set()
    with suppress(FileNotFoundError):  # it has ended meanwhile
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                links.add(str(each.readlink()))
    return links


def _listeners() -> list[tuple[str, str]]:
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENING:
                found.append((words[9], _address(words[1].partition(":")[0])))
    return found


def _address(text: str) -> str:
    """The kernel writes each four bytes of an address as a number of this machine's byte order."""
    raw = b"".join(bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8))
    return str(IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw))
