"""One agent: answers work on its port, health and metrics on its health port. Configured by its environment alone."""

from __future__ import annotations

import time

STARTED = time.time()  # before the slow imports: what /health gives as the start of this process

import asyncio  # noqa: E402
import errno  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from types import ModuleType  # noqa: E402
from urllib.parse import parse_qs  # noqa: E402

# Imported whether metrics are on or not, so that switching them on does not also change the memory of the process.
from prometheus_client import REGISTRY, generate_latest  # noqa: E402

from lab import registry, roles, session  # noqa: E402
from lab.agent_metrics import VERSION, Metrics  # noqa: E402
from lab.calls import Calls, FixedCalls, ResolvedCalls  # noqa: E402
from lab.cost import age_of_this_process, burn, resident_bytes  # noqa: E402
from lab.faults.behaviour import Behaviour, Exposition, behaviour_of  # noqa: E402
from lab.faults.kinds import Watch  # noqa: E402
from lab.http_server import TEXT, Connection, listen  # noqa: E402
from lab.settings import Settings  # noqa: E402

WORK_CPU_NS = 2_000_000
# Waiting is most of a request's time, as with real agents; it also makes latency ten times steadier on a busy machine.
WORK_WAIT = 0.020
REQUESTS_PER_CALL = 20  # one work request of these calls a dependency
WATCH_INTERVAL = 0.5
BIND_PATIENCE = 10.0


class Agent:
    """The agent at work, with the faults that concern it."""

    def __init__(self, settings: Settings, role: ModuleType) -> None:
        self.settings = settings
        self.metrics = Metrics() if settings.metrics else None
        self.behaviour = Behaviour()
        self._role = role
        self._startup: float | None = None
        self._watch = Watch(settings.faults)
        self._ballast = b""
        self._leaked: list[bytes] = []
        self._leak_bytes = 0
        self._errors_due = 0.0
        self._cpu_seen = time.process_time_ns()
        self._crash: asyncio.TimerHandle | None = None
        self._requests = 0
        self._calls = calls_of(settings, self.metrics)
        self._registry = registry.Registry(settings.places) if settings.name == registry.NAME else None
        self._tasks: set[asyncio.Task[None]] = set()

    def read_faults(self) -> None:
        """Takes over what the fault file says, when it has changed."""
        orders = self._watch.changed()
        if orders is not None:
            self.behaviour = behaviour_of(f"{self.settings.machine}/{self.settings.name}", self.settings.metrics, orders)

    async def run(self) -> None:
        """Listens, then serves until the process is stopped."""
        if self.settings.port is not None:
            await listen_patiently(self.settings.address, self.settings.port, self.answer_work)
        await listen_patiently(self.settings.address, self.settings.health_port, self.answer_health)
        self._note_startup()
        print(f"{self.settings.machine}/{self.settings.name} ready, metrics {_word(self.settings.metrics)}", flush=True)
        self._suffer()
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            before = self.behaviour
            self.read_faults()
            if self.behaviour != before:
                self._suffer()
            self._note_startup()
            if self.behaviour.cpu:
                self._waste()
            if self.behaviour.leak:
                self._leaked.append(b"\x01" * self._leak_bytes)

    def answer_work(self, path: str, connection: Connection) -> None:
        """Starts one work request, /work?x=3; x is 0 where it is not given. The registry also answers /resolve."""
        if self._registry is not None and path.startswith("/resolve") and not self.behaviour.hangs:
            connection.reply(*self._registry.resolve(path))
        elif not self.behaviour.hangs:
            task = asyncio.get_running_loop().create_task(self._work(path, connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def answer_health(self, path: str, connection: Connection) -> None:
        """Answers /health and /metrics."""
        if self.behaviour.hangs:
            return
        if path == "/health":
            connection.reply(200 if self.behaviour.healthy else 503, self._health())
        elif path == "/metrics" and self.metrics is not None and self.behaviour.exposition is not Exposition.ABSENT:
            self._expose(connection)
        else:
            connection.reply(404, b"{}")

    def _note_startup(self) -> None:
        """Remembers the age at which this process was first healthy."""
        if self._startup is None and self.behaviour.healthy:
            self._startup = age_of_this_process()
            if self.metrics is not None:
                self.metrics.startup.set(self._startup)

    def _answer(self, path: str) -> tuple[int, bytes]:
        """The role's answer to x, the same for each x, and CPU time up to what a request takes here; 500 with the reason when the role fails."""
        spent = time.thread_time_ns()
        said: dict[str, object] = {"done": True, "role": self.settings.role}
        try:
            said["answer"] = self._role.answer(int(parse_qs(path.partition("?")[2]).get("x", ["0"])[0]))
            status = 200
        except Exception as error:  # noqa: BLE001 (whatever a role raises, the agent answers and lives on)
            said |= {"done": False, "error": repr(error)}
            status = 500
        burn(WORK_CPU_NS - (time.thread_time_ns() - spent))
        return status, json.dumps(said).encode()

    async def _work(self, path: str, connection: Connection) -> None:
        began = time.perf_counter()
        status, body = self._answer(path)
        self._requests += 1
        if self.settings.calls and self._requests % REQUESTS_PER_CALL == 0:
            # The call runs while the agent waits anyway, so that it does not show as a step in the latency.
            _, called = await asyncio.gather(asyncio.sleep(WORK_WAIT), self._calls.call())
            status = max(status, called)
        else:
            await asyncio.sleep(WORK_WAIT)
        if self.behaviour.latency:
            await asyncio.sleep((time.perf_counter() - began) * self.behaviour.latency)
        if self._error_is_due():
            status = 500
        if self.metrics is not None:
            self.metrics.requests.labels(str(status)).inc()
            self.metrics.seconds.observe(time.perf_counter() - began)
        connection.reply(status, body)

    def _error_is_due(self) -> bool:
        """Spreads the share of errors evenly: exactly 3 of 10 at 30 %, not 3 on average."""
        self._errors_due += self.behaviour.errors
        if self._errors_due < 1:
            return False
        self._errors_due -= 1
        return True

    def _health(self) -> bytes:
        return json.dumps(
            {
                "status": "ok" if self.behaviour.healthy else "starting",
                "machine": self.settings.machine,
                "agent": self.settings.name,
                "pid": os.getpid(),
                "started": STARTED,
                "version": VERSION,
                "features": {
                    "metrics": _word(self.settings.metrics),
                    "lazy_loading": _word(self.settings.lazy_loading),
                    "discovery": _word(self.settings.discovery),
                },
                "role": self.settings.role,
                "startup_seconds": self._startup,
                "heavy_loaded": roles.heavy_loaded(),
            }
        ).encode()

    def _expose(self, connection: Connection) -> None:
        text = generate_latest(REGISTRY)
        if self.behaviour.exposition is Exposition.MALFORMED:
            connection.reply(200, b"agent_requests_total{status= 12\n<html>\n" + text, TEXT)
        elif self.behaviour.exposition is Exposition.TRUNCATED:
            connection.reply_cut(text, TEXT)
        else:
            connection.reply(200, text, TEXT)

    def _suffer(self) -> None:
        """Brings ballast, CPU debt and the crash timer in line with the behaviour."""
        self._ballast = b"\x01" * int(self.behaviour.memory * (resident_bytes() - len(self._ballast)))
        self._leak_bytes = int(self.behaviour.leak * resident_bytes() * WATCH_INTERVAL / 60)
        if not self.behaviour.leak:
            self._leaked.clear()
        self._cpu_seen = time.process_time_ns()
        if self._crash is not None:
            self._crash.cancel()
            self._crash = None
        if self.behaviour.crash_after is not None:
            self._crash = asyncio.get_running_loop().call_later(self.behaviour.crash_after, self._end)

    def _waste(self) -> None:
        """Burns the ordered share of the CPU time that the agent itself took since the last call."""
        burn(int((time.process_time_ns() - self._cpu_seen) * self.behaviour.cpu))
        self._cpu_seen = time.process_time_ns()

    def _end(self) -> None:
        print("crashing, as ordered", flush=True)
        os._exit(70)


def _word(on: bool) -> str:
    return "on" if on else "off"


def calls_of(settings: Settings, metrics: Metrics | None) -> Calls:
    """The dependencies as the settings have them reached."""
    if not settings.discovery or settings.registry is None:
        return FixedCalls(settings.calls)
    calls = ResolvedCalls(settings.depends_on, settings.registry)
    if metrics is not None:
        metrics.expose(calls.lookups)
    return calls


async def listen_patiently(address: str, port: int, answer: Callable[[str, Connection], None]) -> None:
    """Listens; waits for a port that is still taken, as many real services do, and gives up after BIND_PATIENCE seconds."""
    deadline = time.monotonic() + BIND_PATIENCE
    while True:
        try:
            await listen(address, port, answer)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        else:
            return
        print(f"{address}:{port} is taken, trying again", flush=True)
        await asyncio.sleep(0.5)


def main() -> None:
    """Runs the agent that the environment describes."""
    session.enter()
    settings = Settings.from_environment()
    agent = Agent(settings, roles.load(settings.role))
    agent.read_faults()
    if agent.behaviour.crash_at_start:
        sys.exit("crashing at start, as ordered")
    asyncio.run(agent.run())


if __name__ == "__main__":
    main()
