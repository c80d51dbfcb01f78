"""A server in a thread of the test's: answers as it is told and counts what reached it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TinyServer:
    """delay: seconds before the answer to the so-manieth request, from 0; status: of that answer; None hangs up instead."""

    def __init__(self, delay: Callable[[int], float], status: Callable[[int], int | None]) -> None:
        self.requests = 0
        self.port = 0
        self._delay = delay
        self._status = status

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}/work"

    async def serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        """Until it is over."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await over.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                number, self.requests = self.requests, self.requests + 1
                await asyncio.sleep(self._delay(number))
                if (status := self._status(number)) is None:
                    break
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@contextmanager
def tiny_server(
    delay: Callable[[int], float] = lambda _number: 0.0, status: Callable[[int], int | None] = lambda _number: 200
) -> Iterator[TinyServer]:
    """A server for one test."""
    server, ready, over, loops = TinyServer(delay, status), threading.Event(), asyncio.Event(), []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve(ready, over)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    ready.wait(5)
    try:
        yield server
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(5)
