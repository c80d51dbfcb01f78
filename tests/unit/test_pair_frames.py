"""Frames from two hubs: the same samples, what is received and sent, what an outage cost, and who is believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rollout.hub import HubPair
from rollout.observe.outage import outage_frame
from rollout.observe.pair import consistency_frame, sent_so_far, synchronisation_frame
from rollout.services.hub_client import HubClient
from tests.fakes.pair import PairWorld

A, B = "mainpc/Worker", "pc2/Worker"
Answer = Callable[[str], Any]


def series(agent: str, by: str, *points: tuple[float, str]) -> dict[str, Any]:
    """One series of a raw answer."""
    machine, name = agent.split("/")
    return {"metric": {"__name__": "probe_success", "machine": machine, "agent": name, "scraped_by": by}, "values": [list(point) for point in points]}


def answering(world: PairWorld, **answers: Answer) -> HubPair:
    """The pair with hubs that give these answers to their queries, by hub and query."""
    hubs = []
    for hub in world.hubs:

        def reply(request: httpx.Request, answer: Answer = answers[hub.name]) -> httpx.Response:
            if request.url.path == "/metrics":
                return httpx.Response(200, text=answer("/metrics"))
            query = httpx.QueryParams(request.content.decode())["query"]
            if query == "time()":
                return httpx.Response(200, json={"data": {"resultType": "scalar", "result": [0, answer("time()")]}})
            return httpx.Response(200, json={"data": {"result": answer(query)}})

        client = httpx.Client(transport=httpx.MockTransport(reply))
        hubs.append(type(hub)(hub.access, hub.service, hub.agent, hub.machine, HubClient(hub.name, hub.access.url, client, client)))
    return HubPair(world.fleet, (hubs[0], hubs[1]), world.pair.access, 1.0, "lab", "x")


def test_samples_are_the_same_when_labels_time_and_value_are() -> None:
    """One sample that a hub lacks, and one with another value, are both missed of the shares; an agent that nobody knows has no row."""
    full = [series(A, "central", (1.0, "1"), (2.0, "1")), series(B, "edge", (1.0, "1"), (2.0, "1"))]
    other = [series(A, "central", (1.0, "1"), (2.0, "1")), series(B, "edge", (1.0, "1"), (2.0, "0"))]
    pair = answering(PairWorld(), central=lambda _: full, edge=lambda _: other)
    frame = consistency_frame(pair, [A, B, "pc2/Hub"], 10.0, 5.0).set_index("agent")
    assert list(frame.index) == [A, B]
    assert tuple(frame.loc[A]) == (2, 1.0, 1.0)
    assert tuple(frame.loc[B]) == (3, 1.0, pytest.approx(1 / 3))


def test_a_resend_loop_shows_in_what_is_sent_and_not_in_what_is_stored() -> None:
    """facts.md, "Two hubs": without the guard the stored samples are the same while what is sent is many times what is scraped."""

    def hub(sent: float) -> Answer:
        counts = {"sum(sum_o": [{"value": [0, "100"]}], "max(times": [{"value": [0, "99.5"]}]}
        text = f'# TYPE prometheus_remote_storage_samples_total counter\nprometheus_remote_storage_samples_total{{url="x"}} {sent}\n'
        return lambda query: text if query == "/metrics" else "100.2" if query == "time()" else counts[query[:9]]

    pair = answering(PairWorld(), central=hub(5000.0), edge=hub(105.0))
    assert sent_so_far(pair) == {"central": 5000.0, "edge": 105.0}
    frame = synchronisation_frame(pair, {"central": 0.0, "edge": 5.0}, 0.0, 100.0, 6.0).set_index("agent")
    assert list(frame["send_ratio"]) == [50.0, 1.0]
    assert list(frame["received_ratio"]) == [1.0, 1.0]
    assert frame["lag_seconds"].to_list() == pytest.approx([0.5, 0.5])
    assert frame["skew_seconds"].to_list() == pytest.approx([0.2, 0.2])


def test_what_nobody_has_received_is_missing_and_not_zero() -> None:
    """A hub without samples of its peer has no ratio and no lag: the gate says not measured."""
    text = "# TYPE prometheus_remote_storage_samples_total counter\nprometheus_remote_storage_samples_total 0\n"
    hub: Answer = lambda query: text if query == "/metrics" else "0" if query == "time()" else []  # noqa: E731
    frame = synchronisation_frame(answering(PairWorld(), central=hub, edge=hub), {"central": 0.0, "edge": 0.0}, 0.0, 1.0, 0.5)
    assert frame[["received_ratio", "lag_seconds", "send_ratio"]].isna().all().all()


def test_an_outage_costs_the_longest_wait_and_what_is_not_filled_in() -> None:
    """Central dies at 10 and returns at 20; the edge takes its agent over at 14, and central has got back three of the seven samples."""
    before = [(float(t), "1") for t in range(5, 10)]
    meanwhile = [(float(t), "1") for t in range(14, 21)]
    edge = [series(A, "central", *before), series(A, "edge", *meanwhile)]
    central = [series(A, "central", *before), series(A, "edge", *meanwhile[:3])]
    pair = answering(PairWorld(), central=lambda _: central, edge=lambda _: edge)
    (row,) = outage_frame(pair, pair.hubs[0], [A, B], 10.0, 20.0, 5.0).to_dict("records")
    assert row == {"agent": A, "gap_seconds": 5.0, "backfill_ratio": pytest.approx(3 / 7)}
