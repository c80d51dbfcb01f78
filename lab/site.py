"""The world that a site file and its fleet file describe, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lab import registry
from lab.errors import LabError

SUPERVISOR_PORT = 9011
BLACKBOX_PORT = 9115
EXPORTER_PORT = 9256
LOAD_PORT = 9257
STATE_PORT = 9258
ALERTMANAGER_PORT = 9093
INBOX_PORT = 9094
MAIL_PORT = 9095
# Linux takes 107 bytes for a socket's path, and supervisord binds to "<path>.<pid>" first.
LONGEST_SOCKET_PATH = 99


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: its identity, its ports (`port` is None where it belongs to the hub) and the ids it depends on."""

    id: str
    machine: str
    name: str
    port: int | None
    health_port: int
    depends_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: its address, its folder in the lab's state, and its agents in file order."""

    name: str
    address: str
    folder: Path
    agents: tuple[Agent, ...]

    @property
    def socket(self) -> Path:
        """The supervisor's unix socket."""
        return self.folder / "supervisor.sock"

    @property
    def programs(self) -> Path:
        """The folder with one configuration file per agent."""
        return self.folder / "conf.d"

    @property
    def logs(self) -> Path:
        """The folder with one log per program, and the supervisor's."""
        return self.folder / "logs"


@dataclass(frozen=True, slots=True)
class Hub:
    """One Prometheus: the machine it runs on, where it listens, the folder its targets are dropped into, that of its rules, the program that it is.

    later: whether `up` leaves it to a rollout and only keeps its place free.
    """

    name: str
    machine: str
    address: str
    port: int
    targets: Path
    rules: Path | None = None
    program: str = "lab-hub"
    later: bool = False


@dataclass(frozen=True)
class Site:
    """A place and its fleet.

    `state` is the lab's own folder, `scrape_interval` in seconds, `alerting` the machine of the Alertmanager, if any, `light` whether no agent
    imports anything heavy.
    """

    name: str
    state: Path
    scrape_interval: int
    machines: tuple[Machine, ...]
    all_hubs: tuple[Hub, ...]
    file: Path
    watchdog_port: int | None = None
    alerting: str | None = None
    light: bool = False

    @property
    def hubs(self) -> tuple[Hub, ...]:
        """The hubs that `up` starts."""
        return tuple(hub for hub in self.all_hubs if not hub.later)

    def hub(self, name: str) -> Hub:
        """The hub of that name; LabError when there is none."""
        for hub in self.all_hubs:
            if hub.name == name:
                return hub
        raise LabError(f"no hub {name} in {self.name}; there are {', '.join(hub.name for hub in self.all_hubs)}")

    @cached_property
    def agents(self) -> dict[str, Agent]:
        """Every agent by its id."""
        return {agent.id: agent for machine in self.machines for agent in machine.agents}

    @property
    def registries(self) -> list[Agent]:
        """The agent that resolves names for the others, in a fleet that has one."""
        return [agent for agent in self.agents.values() if agent.name == registry.NAME]

    @property
    def faults(self) -> Path:
        """The file that lists the faults in force."""
        return self.state / "faults.json"

    @property
    def places(self) -> Path:
        """The file from which the registry agent resolves names."""
        return self.state / "places.json"

    def machine(self, name: str) -> Machine:
        """The machine of that name; LabError when there is none."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise LabError(f"no machine {name} in {self.name}; there are {', '.join(machine.name for machine in self.machines)}")

    def hub_of(self, machine: Machine) -> Hub | None:
        """The hub that runs on this machine, if any."""
        return next((hub for hub in self.hubs if hub.machine == machine.name), None)


def load_site(file: Path) -> Site:
    """Reads a site file and the fleet file it names; LabError says which file lacks which key."""
    place = _read(file)
    folder = file.resolve().parent
    try:
        state = (folder / place["state"]).resolve() / "lab"
        fleet_file = folder / place["fleet"]
        groups = _read(fleet_file)["machines"]
        machines = tuple(
            Machine(name, access["address"], _machine_folder(folder, state, name, access), _agents(name, groups[name]))
            for name, access in place["machines"].items()
        )
        hubs = tuple(_hub(folder, entry, later=bool(index)) for index, entry in enumerate(place["hubs"]))
        watchdog = place["pair"]["watchdog"]["port"] if "pair" in place else None
        alerting = place["alerting"]["alertmanager"]["machine"] if "alerting" in place else None
        return Site(place["site"], state, int(place["scrape_interval"]), machines, hubs, file.resolve(), watchdog, alerting)
    except (KeyError, TypeError, AttributeError) as error:
        raise LabError(f"{file} or its fleet file: missing or malformed key: {error}") from error


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = _parsed(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"{file}: {error.strerror}") from error
    except YAMLError as error:
        raise LabError(f"{file}: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise LabError(f"{file}: not a YAML mapping")
    return content


def _parsed(text: str) -> Any:  # noqa: ANN401
    """By the C parser; what it refuses, as a moment without quotes inside braces (a freeze window), is for the other one to read or to explain."""
    try:
        return YAML(typ="safe").load(text)
    except YAMLError:
        return YAML(typ="safe", pure=True).load(text)


def _machine_folder(folder: Path, state: Path, name: str, access: Mapping[str, Any]) -> Path:
    """state/<machine>: the lab sweeps and rewrites this folder, so the site file must not name another place."""
    supervisor = access["supervisor"]
    machine_folder = state / name
    socket = machine_folder / "supervisor.sock"
    if (folder / supervisor["programs"]).resolve() != machine_folder / "conf.d":
        raise LabError(f"machine {name}: the lab keeps its programs in {machine_folder / 'conf.d'}, the site file names another folder")
    url = supervisor["url"]
    if url.startswith("unix://") and (folder / url.removeprefix("unix://")).resolve() != socket:
        raise LabError(f"machine {name}: the lab's supervisor listens on {socket}, the site file names another socket")
    if len(str(socket)) > LONGEST_SOCKET_PATH:
        raise LabError(f"the path of the supervisor's socket is too long for a socket ({len(str(socket))} > {LONGEST_SOCKET_PATH}): {socket}")
    return machine_folder


def _agents(machine: str, groups: Mapping[str, Any]) -> tuple[Agent, ...]:
    return tuple(
        Agent(
            id=f"{machine}/{name}",
            machine=machine,
            name=name,
            port=None if entry.get("hub") else entry["port"],
            health_port=entry["health_port"],
            depends_on=tuple(other if "/" in other else f"{machine}/{other}" for other in entry.get("depends_on", ())),
        )
        for agents in groups.values()
        for name, entry in agents.items()
    )


def _hub(folder: Path, entry: Mapping[str, Any], *, later: bool) -> Hub:
    url = urlsplit(entry["url"])
    if url.hostname is None or url.port is None:
        raise LabError(f"hub {entry['name']}: the url needs an address and a port: {entry['url']}")
    program = entry.get("service", {}).get("program", "lab-hub")
    rules = (folder / entry["rules"]).resolve() if "rules" in entry else None
    return Hub(entry["name"], entry["machine"], url.hostname, url.port, (folder / entry["targets"]).resolve(), rules, program, later)
