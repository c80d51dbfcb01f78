"""Makes a fleet file from the user's own startup_config files, and names what it left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from rollout.errors import InputError
from rollout.fleet import fleet_of
from rollout.startup_config import Entry, Skipped, read_startup_config

HUB = "ObservabilityHub"


@dataclass(frozen=True, slots=True)
class ImportedFleet:
    """text: a fleet file that `load_fleet` accepts; agents: how many it has; skipped: what was left out, and why."""

    text: str
    agents: int
    skipped: tuple[Skipped, ...]


def import_fleet(name: str, files: Mapping[str, Path], port_offset: int = 0, hubs: Collection[str] = (HUB,)) -> ImportedFleet:
    """A fleet of that name from one startup_config file per machine (machine -> file).

    port_offset: what ${PORT_OFFSET} stands for; hubs: names of the agents whose port belongs to their machine's hub.
    An agent that stands twice in the same words is taken once; in other words it raises InputError, like every fleet that `load_fleet` refuses.
    """
    read = {machine: read_startup_config(file, port_offset) for machine, file in files.items()}
    agents = {machine: {entry.name for entry in entries} for machine, (entries, _) in read.items()}
    skipped: list[Skipped] = []
    machines = CommentedMap()
    for machine, (entries, left_out) in read.items():
        skipped += left_out
        machines[machine] = groups = CommentedMap()
        for entry in _each_once(files[machine], entries, skipped):
            depends_on = _depends_on(files[machine], machine, entry, agents, skipped)
            groups.setdefault(entry.group, CommentedMap())[entry.name] = _written(entry, depends_on, is_hub=entry.name in hubs)
    document = CommentedMap(fleet=name, machines=machines)
    fleet = fleet_of(document, Path(f"imported fleet {name}"))
    emitter = YAML()
    emitter.width = 4096
    text = StringIO()
    emitter.dump(document, text)
    return ImportedFleet(text.getvalue(), len(fleet), tuple(skipped))


def _each_once(file: Path, entries: list[Entry], skipped: list[Skipped]) -> list[Entry]:
    """The entries without repetitions; two different ones of a name raise InputError, since only the user knows which is meant."""
    first: dict[str, Entry] = {}
    for entry in entries:
        known = first.setdefault(entry.name, entry)
        if known is entry:
            continue
        if (known.port, known.health_port, known.required, known.dependencies) != (entry.port, entry.health_port, entry.required, entry.dependencies):
            raise InputError(file, entry.key, f"stands differently at {known.key}")
        skipped.append(Skipped(file, entry.key, f"stands already at {known.key}"))
    return list(first.values())


def _depends_on(file: Path, machine: str, entry: Entry, agents: Mapping[str, set[str]], skipped: list[Skipped]) -> list[str]:
    """The dependencies as a fleet file writes them: plain on the same machine, machine/Name on the only other one that has it."""
    written: list[str] = []
    for dependency in entry.dependencies:
        elsewhere = [other for other, names in agents.items() if dependency in names]
        if dependency in agents[machine]:
            written.append(dependency)
        elif len(elsewhere) == 1:
            written.append(f"{elsewhere[0]}/{dependency}")
        else:
            skipped.append(Skipped(file, f"{entry.key}.dependencies", f"unknown agent {dependency}"))
    return written


def _written(entry: Entry, depends_on: list[str], *, is_hub: bool) -> CommentedMap:
    """The entry on one line; what is at its default is left out."""
    written = CommentedMap(port=entry.port, health_port=entry.health_port)
    if is_hub:
        written["hub"] = True
    if not entry.required:
        written["required"] = False
    if depends_on:
        written["depends_on"] = CommentedSeq(depends_on)
        written["depends_on"].fa.set_flow_style()
    written.fa.set_flow_style()
    return written
