"""Two machines in memory: their configuration, their processes and what those answer over HTTP, with the ways in which they lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import PurePath

import httpx

from rollout.clock import Deadline
from rollout.errors import ActFault, Unreachable
from rollout.fleet import Agent, Fleet
from rollout.machine import Machine
from rollout.observe.probe import Prober
from rollout.services.port import Outage, Pending, Program, Service, ServiceState
from rollout.transports.port import Finished, Invocation
from tests.fakes.clock import JumpingClock

TOKEN = "hunter2"
"""A secret in the environment of every agent."""
FLAG = "ENABLE_PROMETHEUS_METRICS"
LAZY = "LAZY_IMPORTS"
DISCOVER = "DISCOVER_DEPENDENCIES"
ALIVE = (ServiceState.RUNNING, ServiceState.STARTING, ServiceState.STOPPING)
EXPOSITION = """\
# HELP agent_requests_total Requests.
# TYPE agent_requests_total counter
agent_requests_total{status="200"} 3.0
# TYPE agent_startup_seconds gauge
agent_startup_seconds 0.1
"""


@dataclass(frozen=True)
class Process:
    """One process of an agent. started: Unix seconds."""

    pid: int
    started: float
    environment: Mapping[str, str]


@dataclass
class MemoryAgent:
    """One agent: what is configured for it, what runs, and what is wrong with it."""

    agent: Agent
    configured: dict[str, str]
    process: Process
    state: ServiceState = ServiceState.RUNNING
    group: str = ""
    owner: int | None = None  # who holds its ports, if not its process
    health: Callable[[httpx.Request], httpx.Response] | None = None  # answers instead of the agent
    metrics: Callable[[httpx.Request], httpx.Response] | None = None
    work: Callable[[httpx.Request], httpx.Response] | None = None
    ignores_restart: bool = False
    keeps_old_environment: bool = False


class MemoryChild:
    """A shadow in memory. dies: it ends by itself; silent: it never answers; words: what it has written."""

    def __init__(self, invocation: Invocation, *, dies: bool = False, silent: bool = False, words: str = "", size: int = 20 * 1024 * 1024) -> None:
        self.invocation = invocation
        self.dies = dies
        self.silent = silent
        self.words = words
        self.size = size
        self.killed = False

    def resident(self) -> int | None:
        """As staged."""
        return None if self.killed else self.size

    def ended(self) -> bool:
        """As staged."""
        return self.dies

    def said(self) -> str:
        """As staged."""
        return self.words

    def end(self) -> None:
        """Gone."""
        self.killed = True


class MemoryMachine:
    """A transport and a service manager at once. loaded: the configuration that the manager acts on, by program."""

    def __init__(self, name: str, agents: Sequence[MemoryAgent], clock: JumpingClock) -> None:
        self.name = name
        self.agents = {each.agent.name: each for each in agents}
        self.clock = clock
        self.unreachable = False
        self.lost: set[str] = set()  # programs whose section is gone from disk
        self.refusing: set[str] = set()
        self.foreign: set[str] = set()  # programs that somebody else changed on disk
        self.files_by_path: dict[str, str] = {}
        self.restarted: list[str] = []
        self.stopped: set[str] = set()  # programs whose last end somebody asked for
        self.definitions: dict[str, str] = {}  # programs that are no agents, by name, as they stand on disk
        self.running: dict[str, tuple[str, int]] = {}  # those that run: the definition and the pid
        self.ports: dict[int, str] = {}  # port to the program that holds it while it runs
        self.objection = ""  # what promtool says of every file
        self.away: dict[str, tuple[Outage, ...]] = {}
        self.strays: dict[int, dict[str, str]] = {}  # processes that are no agents, with their environment
        self.spawned: list[Invocation] = []
        self.shadows: dict[int, MemoryChild] = {}  # by health port
        self.births: Callable[[Invocation], MemoryChild] = MemoryChild
        self._loaded: dict[str, dict[str, str]] = {}  # what the manager acts on, of programs whose section is another one on disk
        self._pids = iter(range(5000, 6000))

    def machine(self) -> Machine:
        """As the house sees it."""
        return Machine(self.name, f"{self.name}.test", self, self)

    # the service manager

    def services(self, only: Collection[str] | None = None) -> Mapping[str, Service]:
        """Those that are asked for."""
        self._reach()
        everything = {
            name: Service(name, each.group or name, each.state, each.process.pid if each.state in ALIVE else 0, each.state.value.lower())
            for name, each in self.agents.items()
        } | {name: Service(name, name, ServiceState.RUNNING, pid, "running") for name, (_, pid) in self.running.items()}
        return {name: service for name, service in everything.items() if only is None or name in only}

    def pending(self) -> Pending:
        """What was configured since the last restart, and what somebody else did."""
        self._reach()
        edited = {name for name, (text, _) in self.running.items() if self.definitions.get(name, text) != text}
        added = frozenset(self.definitions.keys() - self.running.keys())
        return Pending(added, frozenset(self._loaded.keys() | self.foreign | edited), frozenset(self.running.keys() - self.definitions.keys()))

    def settings(self, names: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
        """As configured."""
        self._reach()
        return {name: self.configured(name) for name in names}

    def configured(self, name: str) -> Mapping[str, str]:
        """The same of one."""
        return dict(self._section(name).configured)

    def uneditable(self, names: Iterable[str]) -> Mapping[str, str]:
        """Those whose section is gone."""
        self._reach()
        return {name: f"{name}.conf has no [program:{name}]" for name in names if name in self.lost}

    def stopped_on_request(self, names: Iterable[str]) -> frozenset[str]:
        """As staged."""
        return frozenset(names) & self.stopped

    def outages(self, names: Iterable[str]) -> Mapping[str, tuple[Outage, ...]]:
        """As staged."""
        return {name: self.away.get(name, ()) for name in names}

    def fingerprint(self, name: str) -> str:
        """SHA-256 of the configuration, which has a secret."""
        return sha256(repr(sorted(self._section(name).configured.items())).encode()).hexdigest()

    def configure(self, name: str, settings: Mapping[str, str | None]) -> None:
        """On disk only."""
        self._reach()
        present = self._section(name).configured
        loaded = self._loaded.setdefault(name, dict(present))
        self.agents[name].configured = {key: value for key, value in {**present, **settings}.items() if value is not None}
        if self.agents[name].configured == loaded:
            del self._loaded[name]

    def restart(self, names: Iterable[str], deadline: Deadline, before_each: Callable[[], None]) -> Mapping[str, str]:
        """A new process with the environment that is configured now."""
        del deadline
        refused = {}
        for name in names:
            before_each()
            if name in self.refusing:
                refused[name] = "spawn error (50)"
                continue
            self.restarted.append(name)
            self._loaded.pop(name, None)
            if name in self.definitions:
                self.running[name] = (self.definitions[name], next(self._pids))
                continue
            each = self.agents[name]
            if not each.ignores_restart:
                environment = each.process.environment if each.keeps_old_environment else dict(each.configured)
                each.process = Process(next(self._pids), self.clock.now(), environment)
        return refused

    def definition(self, name: str) -> str | None:
        """As it stands on disk."""
        return self.definitions.get(name)

    def worded(self, program: Program) -> str:
        """Its command and its environment."""
        return " ".join((program.name, *program.command, *(f"{key}={value}" for key, value in program.environment.items())))

    def define(self, name: str, words: str | None) -> None:
        """On disk only."""
        self._reach()
        if words is None:
            self.definitions.pop(name, None)
        else:
            self.definitions[name] = words

    def retire(self, name: str, deadline: Deadline) -> None:
        """It runs no more."""
        del deadline
        self.running.pop(name, None)

    def kill(self, name: str, deadline: Deadline) -> None:
        """It runs no more, but is still defined."""
        self.retire(name, deadline)

    def start(self, name: str, deadline: Deadline) -> None:
        """As defined."""
        del deadline
        self.running[name] = (self.definitions[name], next(self._pids))

    # the transport

    def files(self, folder: PurePath) -> tuple[PurePath, ...]:
        """What lies right below a folder; a file stands for itself."""
        below = [PurePath(file) for file in self.files_by_path if PurePath(file).parent == folder]
        return tuple(sorted(below)) or (folder,)

    def read(self, file: PurePath) -> str:
        """A file that was replaced before."""
        self._reach()
        if str(file) not in self.files_by_path:
            raise FileNotFoundError(file)
        return self.files_by_path[str(file)]

    def replace(self, file: PurePath, text: str, *, private: bool = False) -> None:
        """At once."""
        self._reach()
        del private
        self.files_by_path[str(file)] = text

    def remove(self, file: PurePath) -> None:
        """At once."""
        self.files_by_path.pop(str(file), None)

    def make_folder(self, folder: PurePath) -> None:
        """Folders are made by their files here."""

    def find(self, program: str, folder: PurePath) -> str:
        """It is always there."""
        return str(folder / program)

    def run(self, command: Sequence[str], timeout: float) -> Finished:
        """Only promtool is ever run."""
        del command, timeout
        return Finished(1 if self.objection else 0, self.objection)

    def processes(self) -> Collection[int]:
        """Of all agents, and strays."""
        return [*(each.process.pid for each in self.agents.values()), *self.strays]

    def environment(self, pid: int) -> Mapping[str, str] | None:
        """Of the process with that pid."""
        if pid in self.strays:
            return self.strays[pid]
        return next((each.process.environment for each in self.agents.values() if each.process.pid == pid), None)

    def started(self, pid: int) -> float | None:
        """Of the process with that pid."""
        return next((each.process.started for each in self.agents.values() if each.process.pid == pid), None)

    def listeners(self) -> Mapping[int, int]:
        """Both ports of every agent that runs."""
        self._reach()
        held = {}
        for each in self.agents.values():
            if each.state in ALIVE or each.owner:
                pid = each.process.pid if each.owner is None else each.owner
                held |= {port: pid for port in (each.agent.health_port, *([] if each.agent.hub else [each.agent.port])) if pid}
        return held | {port: self.running[name][1] for port, name in self.ports.items() if name in self.running}

    def holders(self, ports: Collection[int], likely: Iterable[int]) -> Mapping[int, int]:
        """The same of these ports only."""
        del likely
        return {port: pid for port, pid in self.listeners().items() if port in ports}

    def end(self, pid: int) -> None:
        """Only strays are."""
        self.strays.pop(pid, None)

    def invocation(self, pid: int) -> Invocation | None:
        """Every agent is started by the same words."""
        environment = self.environment(pid)
        return None if environment is None else Invocation(("python", "-m", "agent"), environment, PurePath("/srv"))

    def free_ports(self, count: int) -> tuple[int, ...]:
        """Never the same twice."""
        first = 40000 + 10 * len(self.spawned)
        return tuple(range(first, first + count))

    def spawn(self, invocation: Invocation) -> MemoryChild:
        """At once."""
        self.spawned.append(invocation)
        child = self.births(invocation)
        self.shadows[int(invocation.environment["AGENT_HEALTH_PORT"])] = child
        return child

    def _section(self, name: str) -> MemoryAgent:
        if name in self.lost:
            raise ActFault(f"{name}.conf has no [program:{name}]", [name])
        return self.agents[name]

    def _reach(self) -> None:
        if self.unreachable:
            raise Unreachable(f"{self.name} does not answer")


@dataclass
class MemoryWorld:
    """Six agents, four on east and two on west, all healthy with their metrics off since long."""

    clock: JumpingClock = field(default_factory=JumpingClock)
    machine_of: Callable[[str, Sequence[MemoryAgent], JumpingClock], MemoryMachine] = MemoryMachine

    def __post_init__(self) -> None:
        """Builds both machines."""
        agents = [Agent("east" if number < 4 else "west", "group", f"Agent{number}", 7000 + number, 8000 + number) for number in range(6)]
        self.fleet = Fleet("memory", tuple(agents))
        old = self.clock.now() - 3600
        self.all = {
            each.id: MemoryAgent(each, {"API_TOKEN": TOKEN}, Process(100 + number, old, {"API_TOKEN": TOKEN})) for number, each in enumerate(agents)
        }
        self.east, self.west = (
            self.machine_of(name, [each for each in self.all.values() if each.agent.machine == name], self.clock) for name in ("east", "west")
        )
        self.machines = {"east": self.east.machine(), "west": self.west.machine()}
        self.prober = Prober(1.0, transport=httpx.MockTransport(lambda request: unread(self.answer(request))))

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The fleet's agents."""
        return self.fleet.agents

    def switch_on(self, *identities: str) -> None:
        """These run with their metrics on already."""
        for identity in identities:
            each = self.all[identity]
            each.configured[FLAG] = "true"
            each.process = replace(each.process, environment=dict(each.configured))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What the agent at that port says, or the shadow."""
        for machine in (self.east, self.west):
            for port, child in machine.shadows.items():
                if request.url.port in {port, port - 1}:
                    return self._shadow(child, request)
        if request.url.path.startswith("/work"):
            return self.work(next(each for each in self.all.values() if each.agent.port == request.url.port), request)
        each = next(each for each in self.all.values() if each.agent.health_port == request.url.port)
        said = each.health if request.url.path == "/health" else each.metrics
        if said is not None:
            return said(request)
        on, lazy, discovers = (each.process.environment.get(flag) == "true" for flag in (FLAG, LAZY, DISCOVER))
        if request.url.path == "/metrics":
            return httpx.Response(200, text=EXPOSITION) if on else httpx.Response(404, text="{}")
        pid, started = each.process.pid, each.process.started
        features = {"metrics": "on" if on else "off", "lazy_loading": "on" if lazy else "off", "discovery": "on" if discovers else "off"}
        return httpx.Response(200, json={"pid": pid, "started": started, "version": "1", "features": features, "startup_seconds": 0.5})

    def work(self, each: MemoryAgent, request: httpx.Request) -> httpx.Response:
        """Twice the x that it is asked for."""
        if each.work is not None:
            return each.work(request)
        return httpx.Response(200, json={"answer": 2 * int(request.url.params["x"])})

    def _shadow(self, child: MemoryChild, request: httpx.Request) -> httpx.Response:
        """Healthy at once, unless it is dead or silent."""
        if child.killed or child.dies or child.silent:
            raise httpx.ConnectError("nobody listens", request=request)
        if request.url.path == "/health":
            return httpx.Response(200, json={"pid": 1, "started": 1.0})
        return httpx.Response(200, json={"answer": 1})


def unread(response: httpx.Response) -> httpx.Response:
    """As it comes from a socket: httpx knows how long an answer took only when it has read it itself."""
    return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(response.content))


def refuses(reason: str, *names: str) -> Callable[..., object]:
    """A method that answers with an ActFault."""

    def refuse(*_: object) -> object:
        raise ActFault(reason, names)

    return refuse
