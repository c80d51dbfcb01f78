"""A GET over kept-alive connections, cheap enough to load 77 agents from a corner of one core."""

from __future__ import annotations

import asyncio

Address = tuple[str, int]


class RequestFailed(Exception):  # noqa: N818 (it is an outcome to count, not a defect)
    """No whole answer came: refused, closed or malformed."""


class _Exchange(asyncio.Protocol):
    """One connection: a request out, its answer in, again and again."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(RequestFailed(f"connection closed: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = self._buffer[:end]
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if not lengths:
            self._answer.set_exception(RequestFailed("an answer without a length"))
        elif len(self._buffer) - end - 4 >= int(lengths[0]):
            self._answer.set_result((int(head.split(b" ", 2)[1]), self._buffer[end + 4 :]))
            self._buffer = b""

    async def get(self, request: bytes) -> tuple[int, bytes]:
        if self._transport is None:
            raise RequestFailed("connection closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Client:
    """Gets one path of one server; keeps idle connections open, and opens another when all are busy."""

    def __init__(self, address: str, port: int, path: str) -> None:
        self._address = address
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\n\r\n".encode("latin-1")
        self._idle: list[_Exchange] = []

    async def get(self, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of one answer; RequestFailed or TimeoutError when none came in time."""
        exchange: _Exchange | None = None
        try:
            async with asyncio.timeout(timeout_seconds):
                exchange = await self._connection()
                answer = await exchange.get(self._request)
        except BaseException as error:
            if exchange is not None:
                exchange.close()
            if isinstance(error, OSError) and not isinstance(error, TimeoutError):  # a TimeoutError is an OSError too
                raise RequestFailed(str(error)) from error
            raise
        self._idle.append(exchange)
        return answer

    async def _connection(self) -> _Exchange:
        while self._idle:
            exchange = self._idle.pop()
            if exchange.usable:
                return exchange
        _, exchange = await asyncio.get_running_loop().create_connection(_Exchange, self._address, self._port)
        return exchange
