"""Sends one level: each request at its moment whether or not earlier ones were answered, its latency counted from that moment."""

from __future__ import annotations

import asyncio
import resource
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from rollout.errors import Refused
from rollout.load.measured import Ending, ErrorKind, Measured
from rollout.load.order import Order
from rollout.load.schedule import Schedule, schedule
from rollout.load.tally import Tally

HEAD_START = 0.2
"""Seconds between the start of the process's work and the first scheduled moment: the session is open by then."""
GRACE = 0.05
"""Seconds after a level's end in which a request that was due just before may still leave."""
SPARE_FILES = 200
"""Descriptors besides those of the connections."""
YIELD_AFTER = 20
"""Requests sent in one go before answers are heard; a generator that is behind must not go deaf."""


@dataclass(frozen=True)
class _Due:
    """One request. moment: the loop's seconds; offset: seconds from the level's start."""

    target: int
    url: URL
    moment: float
    offset: float


class Generator:
    """One level's sender. Nothing of a request is decided by an answer to another one."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._schedule: Schedule = schedule(order)
        self._tally = Tally(order, self._schedule)
        self._urls = [[URL(each.url, encoded=True) for each in target.requests] for target in order.targets]
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> Measured:
        """Send until the level's end, a stop condition or `stop`; wait for what is under way at most one timeout longer."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        timeout = aiohttp.ClientTimeout(total=self._order.timeout)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar, auto_decompress=False) as session:
            started = asyncio.get_running_loop().time() + HEAD_START
            began = time.time() + HEAD_START
            sending = asyncio.create_task(self._send(session, started, stop))
            asked = asyncio.create_task(stop.wait())
            await asyncio.wait({sending, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, asked, return_exceptions=True)
            await self._settle(stop)
        if sending.done() and not sending.cancelled() and (fault := sending.exception()):
            raise fault
        ending, reason = self._ending(stop)
        return self._tally.measured(began, time.time(), ending, reason)

    async def _send(self, session: aiohttp.ClientSession, started: float, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        ends = started + self._order.seconds + GRACE
        in_a_row = 0
        for offset, target, request in zip(self._schedule.due.tolist(), self._schedule.target.tolist(), self._schedule.request.tolist(), strict=True):
            moment = started + offset
            wait = moment - loop.time()
            in_a_row += 1
            if wait > 0 or in_a_row >= YIELD_AFTER:
                await asyncio.sleep(max(wait, 0.0))
                in_a_row = 0
            if loop.time() > ends or stop.is_set() or self._tally.broken:
                return
            task = loop.create_task(self._request(session, _Due(target, self._urls[target][request], moment, offset)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _request(self, session: aiohttp.ClientSession, due: _Due) -> None:
        loop = asyncio.get_running_loop()
        self._tally.sent(due.target, loop.time() - due.moment)
        error: ErrorKind | None = None
        try:
            async with session.get(due.url, allow_redirects=False) as response:
                await response.read()
                error = None if response.status == 200 else ErrorKind.STATUS
        except TimeoutError:
            error = ErrorKind.TIMEOUT
        except aiohttp.ClientConnectorError:
            error = ErrorKind.CONNECT
        except (aiohttp.ClientError, OSError):
            error = ErrorKind.BROKEN
        self._tally.ended(due.target, due.offset, loop.time() - due.moment, error)

    async def _settle(self, stop: asyncio.Event) -> None:
        """What is under way may be answered or time out; a generator that was asked to stop waits for nobody."""
        if self._running and not stop.is_set():
            asked = asyncio.create_task(stop.wait())
            everything = asyncio.gather(*self._running, return_exceptions=True)
            either: set[asyncio.Future[Any]] = {everything, asked}
            await asyncio.wait(either, timeout=self._order.timeout + 1, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _ending(self, stop: asyncio.Event) -> tuple[Ending, str]:
        if stop.is_set():
            return Ending.ASKED, ""
        return self._tally.broken or (Ending.FINISHED, "")


def make_room(order: Order) -> None:
    """Allow as many descriptors as requests can be under way at once: all that are sent within one timeout, twice.

    Raises Refused where the system forbids it.
    """
    needed = int(2 * order.rate * order.timeout) + 2 * len(order.targets) + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Refused(f"level {order.level} may need {needed} open connections, the system allows {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
