"""What runs under one supervisord, as far as it can be managed; what cannot is named with its reason."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from configparser import Error, RawConfigParser
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from rollout.adopt.sockets import ANY, listening
from rollout.errors import Refused
from rollout.services.program_file import ProgramFile, UnsafeEdit
from rollout.services.supervisor_rpc import SupervisorRpc
from rollout.transports.local import LocalTransport

TIMEOUT = 10.0
"""Seconds for one question to a supervisord."""
PROBE = 2.0
"""Seconds for one GET /health."""
NOWHERE = "rollout-adopt-asks-for-nothing"
"""A path that nobody serves: a port that answers it serves its work under any path."""
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")
"""What a name may be in a fleet file."""
USUAL = ("supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf")
"""Where supervisord looks for its file when its command line names none (supervisord.org, Configuration file)."""


@dataclass(frozen=True, slots=True)
class FoundAgent:
    """One program that can be managed. environment: names of its variables, never their values; spare: further ports that it listens on."""

    name: str
    port: int
    health_port: int
    environment: tuple[str, ...]
    spare: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FoundMachine:
    """One supervisord. address: where its programs listen; programs: its file or the folder of its files; left_out: program to the reason."""

    name: str
    url: str
    address: str
    programs: Path
    agents: tuple[FoundAgent, ...]
    left_out: Mapping[str, str]


def look_at(name: str, url: str, username: str = "", password: str = "") -> FoundMachine:
    """Ask a supervisord of this machine what it runs, and /proc and the programs themselves how. Raises Unreachable, Refused."""
    rpc = SupervisorRpc(url, username, password)
    records: list[dict[str, Any]] = rpc.call("supervisor.getAllProcessInfo", timeout=TIMEOUT)
    daemon = int(rpc.call("supervisor.getPID", timeout=TIMEOUT))
    main = _main_file(daemon)
    sockets = listening(int(record["pid"]) for record in records if record["pid"])
    addresses = Counter(address for each in sockets.values() for address, _ in each if address != ANY)
    address = addresses.most_common(1)[0][0] if addresses else "127.0.0.1"
    transport = LocalTransport(address)
    inherited = set(transport.environment(daemon) or {})
    seen: dict[str, FoundAgent | str] = {}
    for record in records:
        pid = int(record["pid"])
        ports = [port for where, port in sockets.get(pid, ()) if where in (address, ANY)]
        own = set(transport.environment(pid) or {}) - inherited if pid else set()
        seen[str(record["name"])] = _unmanageable(record) or _agent(record["name"], address, ports, own)
    programs = _programs(main, {each.name for each in seen.values() if isinstance(each, FoundAgent)})
    left_out = {program: each for program, each in seen.items() if isinstance(each, str)}
    agents = [each for each in seen.values() if isinstance(each, FoundAgent)]
    left_out |= {agent.name: reason for agent in agents if (reason := _unreadable(agent.name, programs))}
    kept = sorted((agent for agent in agents if agent.name not in left_out), key=lambda agent: agent.name)
    return FoundMachine(name, url, address, programs, tuple(kept), left_out)


def _agent(name: str, address: str, ports: list[int], environment: set[str]) -> FoundAgent | str:
    """The program as an agent, or why it cannot be one."""
    if not ports:
        return f"listens on no port of {address}"
    health = _health_port(address, ports)
    if health is None:
        return "answers GET /health on none of its ports"
    work = [port for port in ports if port != health]
    if not work:
        return "listens on one port only; a fleet file wants one for its work and one for /health"
    keys = tuple(sorted(key for key in environment if not key.startswith("SUPERVISOR_")))
    return FoundAgent(name, work[0], health, keys, tuple(work[1:]))


def _unmanageable(record: Mapping[str, Any]) -> str:
    """Why supervisord's own view forbids it; empty if nothing does."""
    if record["group"] != record["name"]:
        return f"part of supervisord group {record['group']}, whose removal would restart the whole group: not yet manageable"
    if not NAME.match(record["name"]):
        return "its name has other signs than letters, digits, - and _, or too many"
    return "" if record["statename"] == "RUNNING" else f"is {record['statename']}, so nothing can be seen of it"


def _unreadable(name: str, programs: Path) -> str:
    """Why its section cannot be edited where the programs stand; empty if it can."""
    for file in sorted(programs.iterdir()) if programs.is_dir() else [programs]:
        try:
            known = ProgramFile(file.read_text(encoding="utf-8")) if file.is_file() else None
            if known and name in known.programs():
                known.environment(name)
                return ""
        except (UnsafeEdit, OSError, UnicodeDecodeError) as error:
            return f"{file} cannot be read: {error}"
    return f"has no [program:...] section below {programs}, where most programs stand"


def _health_port(address: str, ports: Iterable[int]) -> int | None:
    """The port that answers /health, rather one that does not answer just anything; None where there is none."""
    answering = [port for port in ports if _answers(address, port, "health")]
    return next((port for port in answering if not _answers(address, port, NOWHERE)), answering[0] if answering else None)


def _answers(address: str, port: int, path: str) -> bool:
    """Whether GET of that path is answered with 200 there."""
    try:
        return httpx.get(f"http://{address}:{port}/{path}", timeout=PROBE, trust_env=False).status_code == httpx.codes.OK
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _main_file(daemon: int) -> Path:
    """Supervisord's configuration file, from its command line or where it looks by itself. Raises Refused where there is none."""
    process = Path(f"/proc/{daemon}")
    try:
        words = [word.decode(errors="replace") for word in (process / "cmdline").read_bytes().split(b"\0")]
        folder = (process / "cwd").resolve()
    except OSError as error:
        raise Refused(f"supervisord (pid {daemon}) cannot be looked into; adopt runs on its machine and as its user: {error}") from error
    named = [word for flag, word in pairwise(words) if flag in ("-c", "--configuration")]
    candidates = [folder / path for path in (named or USUAL)]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise Refused(f"supervisord (pid {daemon}) does not say where its configuration file is; looked at {', '.join(map(str, candidates))}")
    return found


def _programs(main: Path, names: AbstractSet[str]) -> Path:
    """The file or folder in which most of these programs stand."""
    counted: Counter[Path] = Counter()
    for file in (main, *_included(main)):
        try:
            known = set(ProgramFile(file.read_text(encoding="utf-8")).programs())
        except (UnsafeEdit, OSError, UnicodeDecodeError):
            continue
        counted[main if file == main else file.parent] += len(known & names)
    return counted.most_common(1)[0][0] if counted else main


def _included(main: Path) -> Iterator[Path]:
    """The files that [include] names; patterns start at the folder of the main file."""
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    try:
        parser.read_string(main.read_text(encoding="utf-8"))
    except (Error, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{main} cannot be read: {error}") from error
    for pattern in shlex.split(parser.get("include", "files", fallback="").replace("%(here)s", str(main.parent))):
        place = Path(pattern)
        yield from sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor))) if place.is_absolute() else main.parent.glob(pattern))
