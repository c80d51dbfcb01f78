"""The lab's small HTTP server and client, against each other and against the standard library's."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Callable, Coroutine

import pytest

from lab.http_client import Client, RequestFailed
from lab.http_server import Connection, listen


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(path: str, connection: Connection) -> None:
    """/late answers after 50 ms, /never not at all, /cut half, everything else at once."""
    if path == "/late":
        asyncio.get_running_loop().call_later(0.05, connection.reply, 200, b"late")
    elif path == "/cut":
        connection.reply_cut(b"0123456789", "text/plain")
    elif path != "/never":
        connection.reply(404 if path == "/none" else 200, path.encode())


def served(story: Callable[[int], Coroutine[object, object, None]]) -> None:
    """Runs a story against a server on a free port."""

    async def run() -> None:
        port = free_port()
        server = await listen("127.0.0.1", port, answer)
        try:
            await story(port)
        finally:
            # The lab's processes keep all connections until they end; a test must not leave them to the next one.
            server.close()
            for transport in list(asyncio.get_running_loop()._transports.values()):  # type: ignore[attr-defined]
                transport.abort()
            await asyncio.sleep(0.01)

    asyncio.run(run())


def test_one_connection_serves_request_after_request() -> None:
    """The client keeps its connection, and each answer belongs to its request."""

    async def story(port: int) -> None:
        client = Client("127.0.0.1", port, "/late")
        assert [await client.get(1), await client.get(1)] == [(200, b"late")] * 2
        assert len(client._idle) == 1
        assert await Client("127.0.0.1", port, "/none").get(1) == (404, b"/none")

    served(story)


def test_requests_at_once_do_not_wait_for_each_other() -> None:
    """Ten late answers take the time of one."""

    async def story(port: int) -> None:
        client = Client("127.0.0.1", port, "/late")
        async with asyncio.timeout(0.4):
            assert await asyncio.gather(*(client.get(1) for _ in range(10))) == [(200, b"late")] * 10

    served(story)


def test_no_answer_is_a_failure_or_a_timeout() -> None:
    """Refused, cut and unanswered requests each raise, and leave no connection behind."""

    async def story(port: int) -> None:
        for path, error in (("/cut", RequestFailed), ("/never", TimeoutError)):
            client = Client("127.0.0.1", port, path)
            with pytest.raises(error):
                await client.get(0.2)
            assert client._idle == []
        with pytest.raises(RequestFailed):
            await Client("127.0.0.1", free_port(), "/").get(0.2)

    served(story)


def test_the_standard_client_understands_the_server() -> None:
    """Two requests over one connection, with the standard library on the other side."""

    async def story(port: int) -> None:
        def ask() -> list[bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            bodies = []
            for path in ("/a", "/b"):
                connection.request("GET", path)
                bodies.append(connection.getresponse().read())
            connection.close()
            return bodies

        assert await asyncio.to_thread(ask) == [b"/a", b"/b"]

    served(story)
