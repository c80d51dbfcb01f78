"""Prometheus as a source: answers become frames, everything else a SourceFault."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter

from rollout.checkout import PLANS, ROOT
from rollout.clock import SystemClock
from rollout.errors import SourceFault
from rollout.observe.prometheus import Prometheus, Sources
from rollout.plan import load_plan
from rollout.quiet import sources_of
from rollout.site import load_site
from rollout.site_file import load_site_file
from tests.fakes.clock import JumpingClock
from tests.fakes.trickle import BEGINNINGS, trickling

Answer = Callable[[requests.PreparedRequest], requests.Response]


class Told(BaseAdapter):
    """Answers every request of a session by a function, and keeps the requests."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[dict[str, list[str]]] = []
        self.timeouts: list[object] = []

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:  # type: ignore[override]
        """As a server would."""
        self.asked.append(parse_qs(urlsplit(request.url or "").query))
        self.timeouts.append(options["timeout"])
        return self.answer(request)

    def close(self) -> None:
        """Nothing is open."""


def response(status: int, content: object) -> requests.Response:
    """An answer with that body."""
    made = requests.Response()
    made.status_code = status
    made._content = (content if isinstance(content, str) else json.dumps(content)).encode()
    return made


def vector(*series: tuple[dict[str, str], float]) -> Answer:
    """An instant vector."""
    result = [{"metric": labels, "value": [0, str(value)]} for labels, value in series]
    return lambda _request: response(200, {"status": "success", "data": {"resultType": "vector", "result": result}})


def source(answer: Answer, clock: JumpingClock | None = None, name: str = "central", machines: tuple[str, ...] = ()) -> tuple[Prometheus, Told]:
    """A Prometheus behind that answer, scraped every second."""
    prometheus = Prometheus(name, "http://hub.test:9000", clock or JumpingClock(), scrape_interval=1, timeout=3, machines=machines)
    told = Told(answer)
    prometheus._session.mount("http://hub.test:9000/api/", told)
    return prometheus, told


def raising(error: Exception) -> Answer:
    """No answer at all."""

    def fail(_request: requests.PreparedRequest) -> requests.Response:
        raise error

    return fail


def test_an_instant_vector_becomes_rows_with_their_labels() -> None:
    """One row per series; every request has the source's own limit in seconds."""
    prometheus, told = source(vector(({"machine": "m", "agent": "A"}, 0.5), ({"machine": "m", "agent": "B"}, 1)))
    assert prometheus.now("up").to_dict("records") == [{"machine": "m", "agent": "A", "value": 0.5}, {"machine": "m", "agent": "B", "value": 1.0}]
    assert told.timeouts == [3]


def test_an_empty_answer_is_an_empty_frame() -> None:
    """Nothing matched is no error of the source's; the gates decide what it means."""
    assert source(vector())[0].now("up").empty


def test_a_window_asks_for_whole_seconds_inside_it() -> None:
    """The library rounds: an end that is rounded up would lie ahead of now and come back empty."""

    def matrix(_request: requests.PreparedRequest) -> requests.Response:
        result = [{"metric": {"machine": "m", "agent": "A"}, "values": [[101, "1"], [102, "NaN"], [103, "3"]]}]
        return response(200, {"status": "success", "data": {"resultType": "matrix", "result": result}})

    prometheus, told = source(matrix)
    frame = prometheus.window("up", 100.4, 110.6, 1)
    assert (told.asked[0]["start"], told.asked[0]["end"], told.asked[0]["step"]) == (["101"], ["110"], ["1"])
    assert frame[["agent", "t", "value"]].to_numpy().tolist() == [["m/A", 101.0, 1.0], ["m/A", 103.0, 3.0]]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raising(requests.Timeout()), "does not answer in time"),
        (raising(requests.ConnectionError()), "cannot be reached"),
        (lambda _request: response(503, "starting"), "refuses the query"),
        (lambda _request: response(400, {"status": "error", "error": "parse error"}), "parse error"),
        (lambda _request: response(422, {"status": "error", "errorType": "execution", "error": "many-to-many matching"}), "many-to-many"),
        (lambda _request: response(200, "<html>"), "refuses the query"),
    ],
    ids=["slow", "away", "starting", "bad query", "impossible", "somebody else"],
)
def test_whatever_is_no_answer_is_a_source_fault(answer: Answer, words: str) -> None:
    """A source never returns a guess; its name stands in the reason."""
    with pytest.raises(SourceFault, match=words) as fault:
        source(answer)[0].now("up")
    assert str(fault.value).startswith("central ")


def test_an_answer_with_warnings_is_no_data() -> None:
    """Whoever reads a remote store answers 200 with what it could get and says so beside it; a label of that name is no warning."""
    series = [{"metric": {"machine": "m", "agent": "A", "warnings": "none"}, "value": [0, "1"]}]
    whole = {"status": "success", "data": {"resultType": "vector", "result": series}}
    assert len(source(lambda _request: response(200, whole))[0].now("up")) == 1
    partial = whole | {"warnings": ["remote store is away"]}
    with pytest.raises(SourceFault, match="central answers in part only: remote store is away"):
        source(lambda _request: response(200, partial))[0].now("up")


def test_a_source_that_is_away_is_asked_once() -> None:
    """Whether to ask again is the plan's to say, and meanwhile the other hub may answer."""
    connections = []

    class Away(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connections.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), Away) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(SourceFault, match="central cannot be reached"):
            Prometheus("central", f"http://127.0.0.1:{server.server_address[1]}", JumpingClock(), scrape_interval=1, timeout=3).now("up")
        server.shutdown()
    assert len(connections) == 1


@pytest.mark.parametrize("begins", BEGINNINGS)
def test_an_answer_that_trickles_is_over_when_its_time_is(begins: bytes) -> None:
    """A byte now and then is no answer, in the headers as in the body: the source's limit is one for the whole of it."""
    with trickling(begins) as (url, hung_up):
        prometheus = Prometheus("central", url, JumpingClock(), scrape_interval=1, timeout=0.5)
        for ask in (lambda: prometheus.now("up"), prometheus.head_series):
            hung_up.clear()
            began = time.monotonic()
            with pytest.raises(SourceFault, match="central does not answer in time"):
                ask()
            assert time.monotonic() - began < 2
            assert hung_up.wait(2), "the connection was left open"


@pytest.mark.parametrize(("age", "fresh"), [(0.5, True), (5, True), (5.5, False), (600, False)])
def test_a_source_whose_newest_sample_is_old_does_not_know_the_present(age: float, *, fresh: bool) -> None:
    """Prometheus itself answers with values of up to five minutes ago."""
    clock = JumpingClock()
    prometheus, _ = source(vector(({}, clock.now() - age)), clock)
    if fresh:
        prometheus.require_fresh()
    else:
        with pytest.raises(SourceFault, match="is stale"):
            prometheus.require_fresh()


def test_a_hub_that_is_behind_on_one_machine_is_behind() -> None:
    """Of its own machine it has samples of this second, of the peer's some of three minutes ago: half of what it says is the past."""
    clock = JumpingClock()
    prometheus, _ = source(vector(({"machine": "mainpc"}, clock.now()), ({"machine": "pc2"}, clock.now() - 180)), clock)
    with pytest.raises(SourceFault, match="central is stale: its newest sample of pc2 is 180 s old"):
        prometheus.require_fresh()
    assert prometheus.age() == 180


def test_a_hub_that_lost_a_machine_is_not_fresh() -> None:
    """After five minutes Prometheus forgets what came from the peer; what is left being new makes it no better."""
    clock = JumpingClock()
    left = vector(({"machine": "mainpc"}, clock.now()))
    source(left, clock, machines=("mainpc",))[0].require_fresh()
    with pytest.raises(SourceFault, match="central has no samples of pc2"):
        source(left, clock, machines=("mainpc", "pc2"))[0].require_fresh()


def test_every_source_of_a_site_has_to_know_all_of_its_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a site gets sources that miss a machine; those of `rollout status` and calibrations too."""
    monkeypatch.setenv("ROLLOUT_SUPERVISOR_USER", "ann")
    monkeypatch.setenv("ROLLOUT_SUPERVISOR_PASSWORD", "x")
    file = ROOT / "fleets" / "lab-six.yaml"
    for sources in (load_site(file, load_plan(PLANS / "week3.yaml").day(1).deadlines).sources, sources_of(load_site_file(file)[0], SystemClock(), 3)):
        (one,) = sources.ordered
        one._session.mount("http://127.0.11.1:9000/api/", Told(vector(({"machine": "mainpc"}, time.time()))))
        with pytest.raises(SourceFault, match="central has no samples of pc2"):
            one.require_fresh()


@pytest.mark.parametrize("told", [float("nan"), float("inf")])
def test_a_moment_that_is_no_number_is_not_the_present(told: float) -> None:
    """NaN is older than nothing, and +Inf is never old."""
    clock = JumpingClock()
    with pytest.raises(SourceFault, match="central has no samples of pc2"):
        source(vector(({"machine": "mainpc"}, clock.now()), ({"machine": "pc2"}, told)), clock, machines=("mainpc", "pc2"))[0].require_fresh()
    with pytest.raises(SourceFault, match="no samples of the fleet"):
        source(vector(({}, told)), clock)[0].require_fresh()


def test_a_source_without_any_sample_is_not_fresh() -> None:
    """An empty hub answers quickly and knows nothing."""
    with pytest.raises(SourceFault, match="no samples of the fleet"):
        source(vector())[0].require_fresh()


def test_the_first_fresh_source_is_believed() -> None:
    """One that is down and one that is stale are passed over, in their order."""
    clock = JumpingClock()
    down, _ = source(raising(requests.ConnectionError()), clock, "one")
    stale, _ = source(vector(({}, clock.now() - 99)), clock, "two")
    fresh, _ = source(vector(({}, clock.now())), clock, "three")
    assert Sources([down, stale, fresh]).usable() is fresh
    assert Sources([down, stale, fresh]).name == "one, two, three"
    with pytest.raises(SourceFault, match=r"one cannot be reached; two is stale"):
        Sources([down, stale]).usable()


def test_no_source_at_all_is_a_fault() -> None:
    """It is said, not passed."""
    with pytest.raises(SourceFault, match="no source is configured"):
        Sources([]).now("up")


def test_a_hub_says_how_many_series_it_holds() -> None:
    """Its own count; one that does not tell, or answers something else, is a fault of the source and no zero."""
    counted, _ = source(lambda _request: response(200, {"status": "success", "data": {"headStats": {"numSeries": 512}}}))
    assert counted.head_series() == 512
    for answer in (response(200, {"status": "error"}), response(200, []), response(404, "no such page")):
        silent, _ = source(lambda _request, answer=answer: answer)
        with pytest.raises(SourceFault, match="central"):
            silent.head_series()
