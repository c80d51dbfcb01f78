"""The background load on one machine's agents, and what their clients see of it.

Open loop: requests leave at their scheduled times whether or not earlier ones were answered, and latency counts from the scheduled time,
so that a slow agent cannot hide by slowing its own clients. The spacing is even: random arrivals would make the request count, and with it
the CPU time, of a window of 22 seconds vary by 15 %.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Summary, disable_created_metrics, generate_latest

from lab.http_client import Client, RequestFailed
from lab.http_server import TEXT, Connection, listen

REQUESTS_PER_SECOND = 2.0
TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Tally:
    """One agent's counters."""

    requests: Counter
    errors: Counter
    seconds: Summary


class Load:
    """Drives all work ports of one machine and exposes load_* per agent."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter("load_requests", "Requests sent.", ["agent"], registry=self._registry)
        self._errors = Counter("load_errors", "Requests without a 200 in time.", ["agent"], registry=self._registry)
        self._seconds = Summary("load_request_seconds", "Seconds from the scheduled time to a 200.", ["agent"], registry=self._registry)
        self._running: set[asyncio.Task[None]] = set()

    async def drive(self, agent: str, address: str, port: int, phase: float) -> None:
        """Sends requests to one agent for ever; `phase` (0 to 1) spreads the agents over the interval."""
        client = Client(address, port, "/work")
        tally = Tally(self._requests.labels(agent), self._errors.labels(agent), self._seconds.labels(agent))
        interval = 1 / REQUESTS_PER_SECOND
        scheduled = time.monotonic() + phase * interval
        while True:
            await asyncio.sleep(scheduled - time.monotonic())
            task = asyncio.get_running_loop().create_task(self._request(client, tally, scheduled))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            scheduled += interval

    async def _request(self, client: Client, tally: Tally, scheduled: float) -> None:
        tally.requests.inc()
        try:
            status, _ = await client.get(TIMEOUT)
        except (RequestFailed, TimeoutError):
            tally.errors.inc()
            return
        if status == 200:
            tally.seconds.observe(time.monotonic() - scheduled)
        else:
            tally.errors.inc()

    def answer(self, path: str, connection: Connection) -> None:
        """Serves /metrics."""
        if path == "/metrics":
            connection.reply(200, generate_latest(self._registry), TEXT)
        else:
            connection.reply(404, b"{}")


async def run(address: str, port: int, targets: tuple[tuple[str, int], ...]) -> None:
    """Loads (agent, port) pairs of this address and exposes the tallies on `port`, until the process is stopped."""
    load = Load()
    await listen(address, port, load.answer)
    await asyncio.gather(*(load.drive(agent, address, work, index / len(targets)) for index, (agent, work) in enumerate(targets)))


def main() -> None:
    """Reads LOAD_LISTEN (address:port) and LOAD_TARGETS ("Agent=port ...") from the environment."""
    address, _, port = os.environ["LOAD_LISTEN"].rpartition(":")
    pairs = [target.split("=") for target in os.environ["LOAD_TARGETS"].split()]
    asyncio.run(run(address, int(port), tuple((agent, int(work)) for agent, work in pairs)))


if __name__ == "__main__":
    main()
