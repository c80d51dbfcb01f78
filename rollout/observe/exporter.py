"""CPU, memory, start time and process count of every program of one supervisor, exposed to Prometheus.

Why not process-exporter: it loses restarted programs, and counts CPU in ticks of 10 ms, ten times the noise of nanoseconds
(facts.md, "The lab's noise"). Nothing is asked of the programs themselves, so that the figures exist before a change and after it.
"""

from __future__ import annotations

import argparse
import os
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rollout.clock import Clock, SystemClock
from rollout.errors import RolloutError, Unreachable
from rollout.services.supervisor_rpc import Fault, SupervisorRpc

PROC = Path("/proc")
# How long a program list may be reused. A restarted program shows at once all the same: its old pid is gone, which makes the list be read again.
LIST_SECONDS = 2.0
RPC_SECONDS = 2.0
PAGE = os.sysconf("SC_PAGESIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Program:
    """A supervised program and its main pid (0: not running)."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One program's processes at one moment.

    cpu_seconds: of all threads, ended ones too, of the program's living processes; start_time: Unix seconds of the main process.
    """

    program: Program
    cpu_seconds: float
    resident_bytes: int
    start_time: float
    processes: int


class ProgramReader(Collector):
    """Reads all programs at each scrape; raises Unreachable when the supervisor does not answer."""

    def __init__(self, supervisor: SupervisorRpc, clock: Clock) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._boot = clock.now() - time.clock_gettime(time.CLOCK_BOOTTIME)
        self._programs: tuple[Program, ...] = ()
        self._listed = float("-inf")

    def collect(self) -> Iterator[Metric]:
        """The four families, one sample a program; a stopped program has a process count of 0 and nothing else."""
        readings, stopped = self.read()
        cpu = CounterMetricFamily("rollout_process_cpu_seconds", "CPU seconds, to the nanosecond.", labels=["agent"])
        resident = GaugeMetricFamily("rollout_process_resident_bytes", "Resident memory.", labels=["agent"])
        started = GaugeMetricFamily("rollout_process_start_time_seconds", "Unix seconds of the main process's start.", labels=["agent"])
        count = GaugeMetricFamily("rollout_process_count", "Processes: the program's and its descendants.", labels=["agent"])
        for reading in readings:
            name = [reading.program.name]
            cpu.add_metric(name, reading.cpu_seconds)
            resident.add_metric(name, reading.resident_bytes)
            started.add_metric(name, reading.start_time)
            count.add_metric(name, reading.processes)
        for program in stopped:
            count.add_metric([program.name], 0)
        yield from (cpu, resident, started, count)

    def read(self) -> tuple[list[Reading], list[Program]]:
        """Readings of the running programs, and the programs that do not run."""
        cached = self._clock.monotonic() - self._listed < LIST_SECONDS
        if not cached:
            self._list()
        readings = [(program, self._reading(program)) for program in self._programs]
        if cached and any(reading is None and program.pid for program, reading in readings):
            self._list()
            readings = [(program, self._reading(program)) for program in self._programs]
        return [reading for _, reading in readings if reading], [program for program, reading in readings if not reading]

    def _list(self) -> None:
        try:
            rows = self._supervisor.call("supervisor.getAllProcessInfo", timeout=RPC_SECONDS)
        except Fault as fault:
            raise Unreachable(f"the supervisor refuses to list its programs: {fault}") from fault
        self._programs = tuple(
            Program(row["name"] if row["group"] == row["name"] else f"{row['group']}:{row['name']}", int(row["pid"])) for row in rows
        )
        self._listed = self._clock.monotonic()

    def _reading(self, program: Program) -> Reading | None:
        """None when the program does not run, or ended while it was being read."""
        if program.pid == 0:
            return None
        try:
            pids = list(family_of(program.pid))
            return Reading(
                program,
                cpu_seconds=sum(cpu_nanoseconds(pid) for pid in pids) / 1e9,
                resident_bytes=sum(int((PROC / str(pid) / "statm").read_text().split()[1]) for pid in pids) * PAGE,
                start_time=self._boot + start_ticks(program.pid) / TICKS,
                processes=len(pids),
            )
        except (ProcessLookupError, FileNotFoundError):
            return None


def family_of(pid: int) -> Iterator[int]:
    """The process and its descendants."""
    yield pid
    for thread in (PROC / str(pid) / "task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from family_of(int(child))


def cpu_nanoseconds(pid: int) -> int:
    """CPU time of a process with all its threads, in ns, from the kernel's clock of that process.

    The same count as the first figure of /proc/PID/task/*/schedstat, which forgets a thread when it ends and lags a running one by a tick.
    The clock's number is that of clock_getcpuclockid(3): the pid's complement shifted by three, with the scheduler's clock (2).
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError as error:  # EINVAL is how the kernel says that there is no such process
        raise ProcessLookupError(pid) from error


def start_ticks(pid: int) -> int:
    """Ticks from boot to the start of the process."""
    return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])


class _Handler(BaseHTTPRequestHandler):
    """Answers GET /metrics with a fresh reading; 500 with the reason when there is none."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ExporterServer

    def do_GET(self) -> None:
        """The exposition; never a stale one."""
        if self.path != "/metrics":
            return self._answer(404, b"only /metrics is here\n", "text/plain")
        try:
            text = self.server.exposition()
        except RolloutError as error:
            return self._answer(500, f"{error}\n".encode(), "text/plain; charset=utf-8")
        return self._answer(200, text, CONTENT_TYPE_LATEST)

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
        """Says nothing: a line a second helps nobody."""


class ExporterServer(socketserver.ThreadingTCPServer):
    """Listens at once; `serve_forever` answers."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], reader: Collector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(reader)
        self._one_at_a_time = threading.Lock()
        super().__init__(address, _Handler)

    def exposition(self) -> bytes:
        """The text of one scrape."""
        with self._one_at_a_time:
            return generate_latest(self._registry)


def exporter(supervisor_url: str, username: str, password: str, listen: str, clock: Clock | None = None) -> ExporterServer:
    """A listening exporter of that supervisor's programs; `listen` is "HOST:PORT". OSError when the port is taken."""
    host, _, port = listen.rpartition(":")
    return ExporterServer((host, int(port)), ProgramReader(SupervisorRpc(supervisor_url, username, password), clock or SystemClock()))


def serve(supervisor_url: str, username: str, password: str, listen: str) -> None:
    """Exposes that supervisor's programs on `listen` ("HOST:PORT") until the process is stopped."""
    with exporter(supervisor_url, username, password, listen) as server:
        server.serve_forever()


def main() -> None:
    """`python -m rollout.observe.exporter`; user name and password come from the environment, never from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--supervisor", required=True, help="unix:///path or http://host:port")
    parser.add_argument("--listen", required=True, help="host:port")
    options = parser.parse_args()
    serve(options.supervisor, os.environ.get("ROLLOUT_SUPERVISOR_USER", ""), os.environ.get("ROLLOUT_SUPERVISOR_PASSWORD", ""), options.listen)


if __name__ == "__main__":
    main()
