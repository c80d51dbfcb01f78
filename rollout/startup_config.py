"""Reads a startup_config file of the user's, for reading only: groups of agents, or lists of services, with all their oddities."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollout.document import read_yaml
from rollout.errors import InputError

GROUPS = "agent_groups"
SERVICES = "_services"
READ = ("name", "port", "health_check_port", "required", "dependencies")
_OFFSET = re.compile(r"^\s*(?:\$\{?PORT_OFFSET\}?\s*\+\s*(?P<after>\d+)|(?P<before>\d+)\s*\+\s*\$\{?PORT_OFFSET\}?|(?P<plain>\d+))\s*$")
_COMMENTED_FIELD = re.compile(r"^\s*(?:script_path|health_check_port|port):")
_COMMENTED_NAME = re.compile(r"^\s*(?:-\s*)?\{?\s*name:\s*([\w-]+)")
_COMMENTED_KEY = re.compile(r"^\s*([A-Za-z][\w-]*):\s*$")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that did not become part of the fleet, and why. key: where it stands in the file."""

    file: Path
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An agent as a startup_config describes it; key: where it stands in the file."""

    key: str
    group: str
    name: str
    port: int
    health_port: int
    required: bool
    dependencies: tuple[str, ...]


def read_startup_config(file: Path, port_offset: int) -> tuple[list[Entry], list[Skipped]]:
    """All agents of a file in its order, and everything that was left out; what cannot be understood raises InputError."""
    content = read_yaml(file)
    if not isinstance(content, Mapping):
        raise InputError(file, "", f"holds neither {GROUPS} nor a list of services")
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    extras: defaultdict[str, list[str]] = defaultdict(list)
    read = False
    for section, value in content.items():
        groups = _groups(str(section), value)
        if groups is None:
            skipped.append(Skipped(file, str(section), "holds no agents"))
            continue
        read = True
        for key, group, specs in groups:
            found = list(_agents(specs))
            if not found:
                skipped.append(Skipped(file, key, "the group holds no agents" if specs else "the group is empty"))
            for name, spec in found:
                entries.append(_entry(file, f"{key}.{name}", group, name, spec, port_offset))
                for extra in spec.keys() - READ:
                    extras[str(extra)].append(name)
            if found:
                names = {name for name, _ in found}
                skipped += [Skipped(file, f"{key}.{each}", "is no agent") for each in _names(specs) if each not in names]
    if not read:
        raise InputError(file, "", f"holds neither {GROUPS} nor a list of services")
    skipped += [Skipped(file, key, f"no part of a fleet file ({_count(names)})") for key, names in sorted(extras.items())]
    skipped += _commented(file, {entry.name for entry in entries})
    return entries, skipped


def _groups(section: str, value: Any) -> list[tuple[str, str, Any]] | None:  # noqa: ANN401 (plain YAML)
    """The (key, group, specs) of a top-level section, or None where it is of neither shape."""
    if section == GROUPS and (value is None or isinstance(value, Mapping)):
        return [(f"{GROUPS}.{group}", str(group), specs) for group, specs in (value or {}).items()]
    if section.endswith(SERVICES) and (value is None or isinstance(value, list)):
        return [(section, section, value)]
    return None


def _agents(specs: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401
    """The (name, spec) of what describes an agent: a mapping that says where it listens or what it runs."""
    pairs = specs.items() if isinstance(specs, Mapping) else ((each.get("name"), each) for each in _mappings(specs))
    for name, spec in pairs:
        if name is not None and isinstance(spec, Mapping) and spec.keys() & {"port", "health_check_port", "script_path"}:
            yield str(name), spec


def _mappings(specs: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    yield from (each for each in specs or () if isinstance(each, Mapping)) if isinstance(specs, list) else ()


def _names(specs: Any) -> list[str]:  # noqa: ANN401
    """What every element of a group is called, agent or not."""
    if isinstance(specs, Mapping):
        return [str(name) for name in specs]
    return [str(each.get("name", number)) if isinstance(each, Mapping) else str(each) for number, each in enumerate(specs)]


def _entry(file: Path, key: str, group: str, name: str, spec: Mapping[str, Any], port_offset: int) -> Entry:
    """The agent of one spec."""
    required = spec.get("required", True)
    if not isinstance(required, bool):
        raise InputError(file, f"{key}.required", f"{required!r} is neither true nor false")
    dependencies = spec.get("dependencies") or []
    if not isinstance(dependencies, list) or not all(isinstance(each, str) for each in dependencies):
        raise InputError(file, f"{key}.dependencies", "is no list of names")
    port = _port(file, f"{key}.port", spec.get("port"), port_offset)
    health_port = _port(file, f"{key}.health_check_port", spec.get("health_check_port"), port_offset)
    return Entry(key, group, name, port, health_port, required, tuple(dict.fromkeys(dependencies)))


def _port(file: Path, key: str, written: object, port_offset: int) -> int:
    """A plain number as it is; ${PORT_OFFSET}+NUMBER with the offset added."""
    match = _OFFSET.match(str(written)) if isinstance(written, (int, str)) and not isinstance(written, bool) else None
    if match is None:
        raise InputError(file, key, "is missing" if written is None else f"{written!r} is neither a number nor ${{PORT_OFFSET}}+number")
    if match["plain"] is not None:
        return int(match["plain"])
    return int(match["after"] or match["before"]) + port_offset


def _count(names: list[str]) -> str:
    """Few by name, many by number."""
    return f"{len(names)} agents" if len(names) > 3 else ", ".join(names)


def _commented(file: Path, present: set[str]) -> Iterator[Skipped]:
    """Agents that stand in comments: `name: X`, or `X:` right above a field of an agent, in a block that has such fields."""
    block: list[str] = []
    for number, line in enumerate([*file.read_text(encoding="utf-8").splitlines(), ""], start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            block.append(stripped[1:])
            continue
        for place, name in _names_in_comments(block):
            if name not in present:
                yield Skipped(file, name, f"commented out, line {number - len(block) + place}")
        block = []


def _names_in_comments(block: list[str]) -> Iterator[tuple[int, str]]:
    """The (place in the block, name) of the agents in consecutive comment lines."""
    fields = [bool(_COMMENTED_FIELD.match(text)) for text in block]
    for place, text in enumerate(block):
        listed, mapped = _COMMENTED_NAME.match(text), _COMMENTED_KEY.match(text)
        if listed and any(fields):
            yield place, listed[1]
        elif mapped and any(fields[place + 1 : place + 2]):
            yield place, mapped[1]
