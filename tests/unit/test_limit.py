"""Answers over httpx that are whole in time, or none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from rollout.checkout import PLANS, ROOT
from rollout.errors import SourceFault
from rollout.limit import InTimeTransport
from rollout.plan import load_plan
from rollout.services.hub_client import HubClient
from rollout.site import load_site
from tests.fakes.trickle import BEGINNINGS, trickling


def client(seconds: float) -> httpx.Client:
    """As a site makes it; it keeps no connection that would have to be closed."""
    return httpx.Client(timeout=seconds, trust_env=False, transport=InTimeTransport(seconds))


@pytest.mark.parametrize("begins", BEGINNINGS)
def test_an_answer_that_trickles_is_over_when_its_time_is(begins: bytes) -> None:
    """A byte now and then is no answer; the hub does not answer, and nobody goes on listening."""
    with trickling(begins) as (url, hung_up):
        hub = HubClient("edge", url, client(0.5), client(0.5))
        began = time.monotonic()
        with pytest.raises(SourceFault, match=r"hub edge does not answer: no whole answer in 0\.5 s"):
            hub.value("up")
        assert time.monotonic() - began < 2
        assert hung_up.wait(2), "the connection was left open"


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers with what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_words: object) -> None:
            """Nothing on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_answer_in_time_is_as_httpx_gives_it(echo: str) -> None:
    """Whole, with the time that it took, again and again over one client."""
    asking = client(5)
    for _ in range(3):
        answer = asking.post(echo, content=b"x" * 100_000)
        assert answer.raise_for_status().content == b"x" * 100_000
        assert 0 < answer.elapsed.total_seconds() < 5


def test_who_is_not_there_is_not_late() -> None:
    """A refused connection is told as one."""
    with pytest.raises(httpx.ConnectError):
        client(5).get("http://127.0.0.1:1/")


def test_a_site_asks_its_hubs_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For samples, and for whom it scrapes."""
    for variable in ("ROLLOUT_SUPERVISOR_USER", "ROLLOUT_SUPERVISOR_PASSWORD", "ROLLOUT_HUB_USER", "ROLLOUT_HUB_PASSWORD"):
        monkeypatch.setenv(variable, "toy")
    deadlines = load_plan(PLANS / "week3.yaml").day(1).deadlines.model_copy(update={"query": 0.5})
    with trickling(BEGINNINGS[-1]) as (url, hung_up):
        text = (ROOT / "fleets" / "lab-pair.yaml").read_text(encoding="utf-8")
        file = tmp_path / "site.yaml"
        file.write_text(text.replace("fleet: pair.yaml", f"fleet: {ROOT}/fleets/pair.yaml").replace("http://127.0.12.1:9000", url), encoding="utf-8")
        site = load_site(file, deadlines)
        for ask in (lambda: site.hub_pair.hubs[0].client.value("up"), site.targets.active):
            hung_up.clear()
            began = time.monotonic()
            with pytest.raises(SourceFault, match="no whole answer"):
                ask()
            assert time.monotonic() - began < 2
            assert hung_up.wait(2)
