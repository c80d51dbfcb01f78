"""Which ports the lab needs, for whom, and who holds one that is taken."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.site import ALERTMANAGER_PORT, BLACKBOX_PORT, EXPORTER_PORT, INBOX_PORT, LOAD_PORT, MAIL_PORT, STATE_PORT, SUPERVISOR_PORT, Site

LISTENING = "0A"  # the kernel's code for the state, in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody of the lab who will listen on address:port."""

    owner: str
    address: str
    port: int


def claims(site: Site) -> Iterator[Claim]:
    """Every port that `up` will use."""
    for machine in site.machines:
        yield Claim(f"{machine.name}'s supervisor", machine.address, SUPERVISOR_PORT)
        yield Claim(f"{machine.name}'s blackbox exporter", machine.address, BLACKBOX_PORT)
        yield Claim(f"{machine.name}'s process exporter", machine.address, EXPORTER_PORT)
        yield Claim(f"{machine.name}'s load", machine.address, LOAD_PORT)
        for agent in machine.agents:
            yield Claim(f"{agent.id} (health)", machine.address, agent.health_port)
            if agent.port is not None:
                yield Claim(agent.id, machine.address, agent.port)
        if site.watchdog_port is not None:
            yield Claim(f"{machine.name}'s watchdog", machine.address, site.watchdog_port)
    if site.alerting is not None:
        places = {"Alertmanager": ALERTMANAGER_PORT, "inbox": INBOX_PORT, "mail": MAIL_PORT, "state exporter": STATE_PORT}
        for name, port in places.items():
            yield Claim(f"the {name}", site.machine(site.alerting).address, port)
    for hub in site.all_hubs:
        yield Claim(f"hub {hub.name}", hub.address, hub.port)


def refuse_taken(site: Site) -> None:
    """LabError that names every taken port, who wanted it and who holds it; nothing has been started yet."""
    wanted = list(claims(site))
    twice = [place for place, count in Counter((claim.address, claim.port) for claim in wanted).items() if count > 1]
    if twice:
        names = [f"{address}:{port} by " + " and ".join(c.owner for c in wanted if (c.address, c.port) == (address, port)) for address, port in twice]
        raise LabError(f"wanted twice: {'; '.join(names)}")
    taken = [claim for claim in wanted if not is_free(claim.address, claim.port)]
    if taken:
        raise LabError("nothing was started, ports are taken: " + "; ".join(f"{c.address}:{c.port} wanted by {c.owner}{_held_by(c)}" for c in taken))


def is_free(address: str, port: int) -> bool:
    """Whether one could listen there now; LabError when the address is not this computer's."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections in TIME_WAIT do not matter
        try:
            probe.bind((address, port))
            probe.listen()
        except PermissionError as error:
            raise LabError(f"{address}:{port} may not be used by this user") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise LabError(f"{address}:{port} cannot be used: {error.strerror}") from error
    return True


def _held_by(claim: Claim) -> str:
    pid = holder(claim.address, claim.port)
    if pid is None:
        return ""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return f", held by pid {pid} ({command[:60]})"


def holder(address: str, port: int) -> int | None:
    """The pid that listens there, when /proc shows it to us."""
    inodes = {inode for local, local_port, inode in _listening() if local_port == port and local in {address, "0.0.0.0", "::"}}
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if any(str(handle.readlink()) in links for handle in (process / "fd").iterdir()):
                    return int(process.name)
            except OSError:
                continue  # another user's process, or one that has just ended
    return None


def _listening() -> Iterator[tuple[str, int, str]]:
    """Address, port and socket inode of everything that listens on TCP."""
    for table, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        if not Path(table).exists():
            continue
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING:
                address, _, port = fields[1].partition(":")
                words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
                yield socket.inet_ntop(family, b"".join(words)), int(port, 16), fields[9]
