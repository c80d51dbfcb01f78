"""Answers of requests that come whole within their time, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from rollout.limit import Limit


class _Asking(threading.local):
    """The limit of the answer that this thread waits for."""

    limit: Limit | None = None


_asking = _Asking()


class _Watched(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """From here on the server is waited for."""
        if _asking.limit is not None and self.sock is not None:
            _asking.limit.watch(self.sock)
        return super().getresponse()


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class InTime(HTTPAdapter):
    """An adapter of a requests session whose answers take at most so many seconds, from the connection to the last byte. Retries nothing."""

    def __init__(self, seconds: float) -> None:
        super().__init__(max_retries=Retry(0, read=False))
        self._seconds = seconds
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As requests does it, but with the body read to its end. Raises requests.Timeout when it is not whole in time."""
        _asking.limit = limit = Limit(self._seconds)
        limit.start()
        try:
            response = super().send(request, stream, timeout, verify, cert, proxies)
            response.content  # noqa: B018 (requests keeps what it has read)
        except requests.RequestException:
            if not limit.over:
                raise
        finally:
            limit.cancel()
            _asking.limit = None
        if limit.over:
            raise requests.Timeout(f"no whole answer in {self._seconds:g} s", request=request)
        return response
