"""Asking agents over HTTP: every bad answer is a value with its reason."""

from __future__ import annotations

import threading
from time import monotonic

import httpx
import pytest

from rollout.observe.probe import Prober
from tests.fakes.machine import EXPOSITION, unread
from tests.fakes.trickle import BEGINNINGS, trickling


def prober(answer: object) -> Prober:
    """Asks agents that all answer this."""

    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return unread(answer)

    return Prober(1.0, transport=httpx.MockTransport(handle))


def test_a_health_answer_is_read() -> None:
    """Pid, start, version and each feature's state."""
    said = {"pid": 7, "started": 12.5, "version": "3.2.0", "features": {"metrics": "on"}}
    health = prober(httpx.Response(200, json=said)).health("http://a")
    assert (health.status, health.pid, health.started, health.version, health.features) == (200, 7, 12.5, "3.2.0", {"metrics": "on"})


def test_a_sick_agent_keeps_its_status() -> None:
    """503 with a body is the agent's own word."""
    assert prober(httpx.Response(503, json={"pid": 7, "started": 1})).health("http://a").status == 503


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="ok"), httpx.Response(200, json=[]), httpx.Response(200, json={}), httpx.Response(200, json={"pid": None})]
)
def test_an_answer_in_another_shape_is_not_healthy_by_accident(answer: httpx.Response) -> None:
    """Without its pid an answer speaks for nobody; the reason says so."""
    health = prober(answer).health("http://a")
    assert health.pid == 0
    assert "not the health answer" in health.reason


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("closed")])
def test_no_answer_is_status_zero_with_the_reason(error: httpx.HTTPError) -> None:
    """An error without words tells its kind."""
    asked = prober(error)
    assert asked.health("http://a").status == asked.metrics("http://a").status == 0
    assert asked.health("http://a").reason == asked.metrics("http://a").reason == (str(error) or "ReadTimeout")


@pytest.mark.parametrize("begins", BEGINNINGS)
def test_an_agent_that_sends_a_byte_now_and_then_has_not_answered(begins: bytes) -> None:
    """It is waited for as long as for one that says nothing, and hung up on."""
    asked = Prober(0.5)
    with trickling(begins) as (url, hung_up):
        began = monotonic()
        health = asked.health(url)
        assert (health.status, health.reason) == (0, "no whole answer in 0.5 s")
        assert monotonic() - began < 3
        assert hung_up.wait(3)
    asked.close()


def test_metrics_are_parsed_only_when_there_are_some() -> None:
    """404 has no exposition; 200 has one, valid or not."""
    assert prober(httpx.Response(404, text=EXPOSITION)).metrics("http://a").exposition is None
    good, bad = (prober(httpx.Response(200, text=text)).metrics("http://a").exposition for text in (EXPOSITION, "<html>\n"))
    assert good is not None
    assert good.valid
    assert bad is not None
    assert not bad.valid


def test_answers_come_in_the_order_of_the_questions_asked_side_by_side() -> None:
    """Two questions that wait for each other are answered."""
    meeting = threading.Barrier(2, timeout=5)

    def ask(key: str) -> str:
        meeting.wait()
        return key.upper()

    assert Prober(1.0).ask_all(ask, ["b", "a"]) == ["B", "A"]
