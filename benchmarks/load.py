"""How fast the load generator can send to 77 targets before it falls behind, and how its figures compare with wrk's on one.

    python benchmarks/load.py [--seconds 5] [--servers 2]

The targets are 77 ports of a few small servers that answer at once, so that the generator is what is measured. The rate climbs by a quarter until a
level counts as not measured by production's limits. wrk is taken from PATH or .debs; without it the comparison is left out and said so.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import shutil
import subprocess
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from rollout.load.measured import Measured
from rollout.load.order import Order, Target, WeightedUrl
from rollout.load.process import GeneratorProcess
from rollout.plan import load_plan
from rollout.plan.load import GeneratorLimits, StopConditions

ROOT = Path(__file__).resolve().parent.parent
TARGETS = 77
FIRST_PORT = 18000
NEVER = StopConditions(requests=1_000_000_000, error_ratio=1, latency=3600)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answering(asyncio.Protocol):
    """Says 200 to every request, as cheaply as Python can."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Where the answers go."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """One answer a request."""
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))  # type: ignore[attr-defined]


def serve(ports: list[int], ready: Event) -> None:
    """Answer on these ports until the process is ended."""

    async def run() -> None:
        for port in ports:
            await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=1024)
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(run())


def order(ports: list[int], rate: float, seconds: float) -> Order:
    """That rate in all, spread evenly over the ports."""
    targets = tuple(
        Target(agent=f"bench/Target{port}", rate=rate / len(ports), requests=(WeightedUrl(url=f"http://127.0.0.1:{port}/", weight=1),))
        for port in ports
    )
    return Order(level="bench", seconds=seconds, timeout=2, runs=5, seed=1, stop=NEVER, targets=targets)


def sent(ordered: Order) -> Measured:
    """That order, carried out by the generator's own process."""
    with tempfile.TemporaryDirectory() as folder, GeneratorProcess(ordered, Path(folder)) as generator:
        while generator.at_work:
            time.sleep(0.2)
        return generator.measured()


def climb(ports: list[int], seconds: float, limits: GeneratorLimits) -> float:
    """The highest rate that was kept; one line a level."""
    rate, highest = 500.0, 0.0
    while True:
        seen = sent(order(ports, rate, seconds))
        lag = 1000 * (seen.lag_p99 or 0)
        kept = seen.kept_up(limits)
        print(
            f"{rate:7.0f}/s offered, {seen.sent / seen.seconds:7.0f}/s sent, p99 late {lag:7.1f} ms, "
            f"p50 {_ms(seen, 0.5):6.2f} ms, p99 {_ms(seen, 0.99):7.2f} ms, errors {seen.error_ratio:.4f}: {'kept up' if kept else 'fell behind'}"
        )
        if not kept:
            return highest
        rate, highest = rate * 1.25, rate


def compare(port: int, seconds: float) -> None:
    """One target, closed loop by wrk with one connection, then ours at half of wrk's rate: the same server, the same request."""
    wrk = shutil.which("wrk") or shutil.which("wrk", path=str(ROOT / ".debs" / "root" / "usr" / "bin"))
    if wrk is None:
        print("wrk is missing, nothing is compared: apt-get download wrk libluajit-5.1-2, dpkg -x both into .debs/root")
        return
    words = [wrk, "--threads", "1", "--connections", "1", "--duration", f"{seconds:.0f}s", "--latency", f"http://127.0.0.1:{port}/"]
    libraries = {"LD_LIBRARY_PATH": str(ROOT / ".debs" / "root" / "usr" / "lib" / "x86_64-linux-gnu")}  # where it was unpacked and not installed
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | libraries).stdout
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])
    percentiles = {share: re.findall(rf"{share}%\s+(\S+)", said)[0] for share in (50, 90, 99)}
    print(f"wrk, one connection, closed loop: {rate:.0f}/s, p50 {percentiles[50]}, p90 {percentiles[90]}, p99 {percentiles[99]}")
    for ours in (200.0, 500.0, 1000.0):
        seen = sent(order([port], ours, seconds))
        print(
            f"ours at {ours:.0f}/s: {seen.sent} of {seen.scheduled} sent, lag p99 {1000 * (seen.lag_p99 or 0):.2f} ms, "
            f"p50 {_ms(seen, 0.5):.3f} ms, p90 {_ms(seen, 0.9):.3f} ms, p99 {_ms(seen, 0.99):.3f} ms"
        )


def _ms(seen: Measured, share: float) -> float:
    return 1000 * (seen.latency.percentile(share) or float("nan"))


def main() -> None:
    """Servers up, both measurements, servers down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--servers", type=int, default=2)
    options = parser.parse_args()
    load = load_plan(ROOT / "plans" / "week3.yaml").day(6).load
    if load is None:
        raise SystemExit("the plan has no load test")
    ports = list(range(FIRST_PORT, FIRST_PORT + TARGETS))
    started = []
    for number in range(options.servers):
        ready = multiprocessing.Event()
        process = multiprocessing.Process(target=serve, args=(ports[number :: options.servers], ready), daemon=True)
        process.start()
        started.append(process)
        if not ready.wait(20):
            raise SystemExit("a server did not come up; this is no measurement")
    try:
        highest = climb(ports, options.seconds, load.generator)
        limits = f">= {load.generator.min_achieved:g} sent, lag p99 <= {load.generator.max_lag:g} s"
        print(f"highest rate kept over {TARGETS} targets: {highest:.0f}/s ({limits})")
        compare(ports[0], options.seconds)
    finally:
        for process in started:
            process.terminate()
            process.join()


if __name__ == "__main__":
    main()
