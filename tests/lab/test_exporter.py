"""The process exporter reads what the kernel says of real processes, and never says what it does not know."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rollout.clock import SystemClock
from rollout.errors import Unreachable
from rollout.observe.exporter import LIST_SECONDS, ExporterServer, ProgramReader
from tests.fakes.clock import JumpingClock
from tests.lab.world_of_six import eventually, get

# Burns 0.3 s in a thread that ends, then 0.2 s in the main thread, says so, and waits.
BUSY = """
import sys, threading, time
def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass
thread = threading.Thread(target=burn, args=(0.3,)); thread.start(); thread.join()
burn(0.2)
print(time.process_time(), flush=True)
sys.stdin.read()
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"])
print("ready", flush=True)
sys.stdin.read()
child.kill()
"""


class Listing:
    """A supervisor that lists what it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}
        self.asked = 0
        self.silent = False

    def call(self, method: str, *, timeout: float) -> Any:
        """The list of programs, after the protocol's getAllProcessInfo."""
        assert (method, timeout > 0) == ("supervisor.getAllProcessInfo", True)
        self.asked += 1
        if self.silent:
            raise Unreachable("nobody is there")
        return [{"name": name, "group": name, "pid": pid} for name, pid in self.pids.items()]


@pytest.fixture
def spawn() -> Iterator[Callable[[str], tuple[int, str]]]:
    """Starts a Python program; gives its pid and its first line."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> tuple[int, str]:
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return process.pid, process.stdout.readline()

    yield start
    for process in started:
        process.communicate("")


def reader(listing: Listing, clock: JumpingClock | None = None) -> ProgramReader:
    """A reader over a listing."""
    return ProgramReader(listing, clock or SystemClock())  # type: ignore[arg-type]


def test_cpu_counts_every_thread_even_one_that_has_ended(spawn: Callable[[str], tuple[int, str]]) -> None:
    """The CPU seconds are those that the process says of itself, to a few milliseconds, with the ended thread's 0.3 s."""
    listing = Listing()
    listing.pids["busy"], own = spawn(BUSY)
    (reading,), _ = reader(listing).read()
    assert float(own) > 0.5
    assert reading.cpu_seconds == pytest.approx(float(own), abs=0.02)


def test_start_time_memory_and_children(spawn: Callable[[str], tuple[int, str]]) -> None:
    """A program with one child counts two processes; its start is now, and it is some MiB big."""
    listing = Listing()
    before = time.time()
    listing.pids["parent"], _ = spawn(PARENT)
    (reading,), _ = reader(listing).read()
    assert reading.processes == 2
    assert before - 0.1 < reading.start_time < time.time() + 0.1
    assert 5 < reading.resident_bytes / 2**20 < 100


def test_a_restarted_program_shows_at_once_without_asking_at_each_scrape(spawn: Callable[[str], tuple[int, str]]) -> None:
    """The list is kept for its time, and read again early when one of its pids is gone."""
    listing, clock = Listing(), JumpingClock()
    listing.pids["parent"], _ = spawn(PARENT)
    watched = reader(listing, clock)
    watched.read()
    watched.read()
    assert listing.asked == 1
    gone = subprocess.Popen(["true"])
    listing.pids["parent"] = gone.pid
    clock.sleep(LIST_SECONDS + 1)
    gone.wait()
    assert watched.read()[1][0].name == "parent"
    listing.pids["parent"], _ = spawn(PARENT)
    (reading,), stopped = watched.read()
    assert (reading.program.pid, stopped, listing.asked) == (listing.pids["parent"], [], 3)


@pytest.fixture
def served() -> Iterator[tuple[Listing, int]]:
    """An exporter over HTTP: its listing and its port."""
    listing = Listing()
    with ExporterServer(("127.0.0.1", 0), reader(listing)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield listing, server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_stopped_program_is_counted_as_zero_and_nothing_else(served: tuple[Listing, int]) -> None:
    """No CPU or memory is made up for a program that does not run."""
    listing, port = served
    listing.pids["stopped"] = 0
    status, text = get("127.0.0.1", port, "/metrics")
    samples = [(sample.name, sample.labels, sample.value) for family in text_string_to_metric_families(text.decode()) for sample in family.samples]
    assert (status, samples) == (200, [("rollout_process_count", {"agent": "stopped"}, 0)])


def test_without_its_supervisor_the_scrape_fails(served: tuple[Listing, int]) -> None:
    """A supervisor that does not answer is a 500 with the reason as soon as the list is due, and never old figures."""
    listing, port = served
    assert get("127.0.0.1", port, "/metrics")[0] == 200
    listing.silent = True
    eventually(lambda: get("127.0.0.1", port, "/metrics") == (500, b"nobody is there\n"), seconds=LIST_SECONDS + 2)
