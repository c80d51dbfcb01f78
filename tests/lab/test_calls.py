"""How an agent finds what it depends on: by name, remembered, followed where it moves, and without the registry for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lab import calls
from lab.calls import ResolvedCalls
from lab.http_client import Address
from lab.http_server import Connection, listen
from lab.registry import Registry, places_file
from tests.ports import unused_port

HOST = "127.0.0.1"


@asynccontextmanager
async def serving(port: int, answer: Callable[[str], tuple[int, bytes]]) -> AsyncIterator[list[str]]:
    """A server on that port until the end of the block; the paths that it was asked for. answer: (status, body) of a path."""
    asked: list[str] = []
    accepted: list[Connection] = []

    def reply(path: str, connection: Connection) -> None:
        asked.append(path)
        accepted.append(connection)
        connection.reply(*answer(path))

    server = await listen(HOST, port, reply)
    try:
        yield asked
    finally:
        server.close()
        for connection in accepted:  # as a process that ends closes them
            if connection._transport is not None:
                connection._transport.abort()
        await asyncio.sleep(0)


def place(file: Path, **ports: int) -> Registry:
    """A registry that knows these names at these ports."""
    places: dict[str, Address] = {f"mainpc/{name}": (HOST, port) for name, port in ports.items()}
    file.write_text(places_file(places), encoding="utf-8")
    return Registry(file)


def done(_path: str) -> tuple[int, bytes]:
    """What a dependency answers."""
    return 200, b"{}"


def test_a_name_is_asked_for_once(tmp_path: Path) -> None:
    """Ten calls are one lookup, which is counted and timed."""

    async def scenario() -> None:
        registry_port, port = unused_port(), unused_port()
        registry = place(tmp_path / "places", Twin=port)
        async with serving(registry_port, registry.resolve) as questions, serving(port, done) as asked:
            resolved = ResolvedCalls(("mainpc/Twin",), (HOST, registry_port))
            assert [await resolved.call() for _ in range(10)] == [200] * 10
            assert (len(questions), len(asked)) == (1, 10)
            assert dict(resolved.lookups.outcomes) == {"found": 1}
            assert 0 < resolved.lookups.seconds < 1

    asyncio.run(scenario())


def test_an_agent_that_moved_is_followed(tmp_path: Path) -> None:
    """The call that finds nobody at the old place is made at the new one: its caller sees no error."""

    async def scenario() -> None:
        registry_port, old, new = unused_port(), unused_port(), unused_port()
        registry = place(tmp_path / "places", Twin=old)
        async with serving(registry_port, registry.resolve):
            resolved = ResolvedCalls(("mainpc/Twin",), (HOST, registry_port))
            async with serving(old, done):
                assert await resolved.call() == 200
            place(tmp_path / "places", Twin=new)
            async with serving(new, done) as asked:
                assert await resolved.call() == 200
                assert asked == ["/work"]

    asyncio.run(scenario())


def test_a_registry_that_restarts_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is away what is remembered still serves, however old; once it is back it is asked again."""
    monkeypatch.setattr(calls, "REMEMBERED", 0.0)

    async def scenario() -> None:
        registry_port, port = unused_port(), unused_port()
        registry = place(tmp_path / "places", Twin=port)
        resolved = ResolvedCalls(("mainpc/Twin",), (HOST, registry_port))
        async with serving(port, done):
            assert await resolved.call() == 502
            async with serving(registry_port, registry.resolve):
                assert await resolved.call() == 200
            assert await resolved.call() == 200
            async with serving(registry_port, registry.resolve):
                assert await resolved.call() == 200
        assert dict(resolved.lookups.outcomes) == {"failed": 2, "found": 2}

    asyncio.run(scenario())


def test_a_name_that_nobody_has_is_unknown(tmp_path: Path) -> None:
    """A dependency that the fleet does not have answers nothing, and the lookup says why."""

    async def scenario() -> None:
        registry_port = unused_port()
        registry = place(tmp_path / "places", Twin=1)
        async with serving(registry_port, registry.resolve):
            resolved = ResolvedCalls(("mainpc/Ghost",), (HOST, registry_port))
            assert await resolved.call() == 502
            assert dict(resolved.lookups.outcomes) == {"unknown": 1}

    asyncio.run(scenario())
