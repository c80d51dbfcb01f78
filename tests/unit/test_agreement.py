"""Whether two hubs are believed: by what their exporters say, by each other, and what a day makes of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect.logging import disable_run_logger

from flows import agreement
from flows.day_run import DayRun
from rollout.errors import Held, SourceFault
from rollout.hub import HubPair
from rollout.observe.agreement import Agreement, compare
from rollout.observe.prometheus import Sources
from rollout.services.hub_client import HubClient
from rollout.verdict import Verdict, worst
from tasks.gate import judge_gate
from tasks.pair import compare_sources
from tests.fakes.machine import MemoryWorld
from tests.fakes.pair import PairWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of

STARTED = 1_000.25
BOUNDS = (120.0, 90.0)
"""End and length of the window, in seconds of the hubs' time."""


@dataclass
class Told:
    """A hub as a source. stale: why it is not believed; started: what it says of when each process was started."""

    name: str
    stale: str = ""
    started: dict[str, float] = field(default_factory=dict)

    def require_fresh(self) -> None:
        """As staged."""
        if self.stale:
            raise SourceFault(f"{self.name} {self.stale}")

    def now(self, query: str) -> pd.DataFrame:
        """When processes were started, by agent."""
        assert "rollout_process_start_time_seconds" in query
        return pd.DataFrame([{"machine": key.split("/")[0], "agent": key.split("/")[1], "value": at} for key, at in self.started.items()])


class Hubs:
    """Two hubs that have the same raw samples of every agent, and exporters that say what they say.

    factor: what the edge makes of each value; exporters: machine to what its process exporter answers, nothing where it is away.
    """

    def __init__(self, port: int) -> None:
        self.world = PairWorld()
        self.agents = [agent.id for agent in self.world.fleet.agents]
        self.factor = 1.0
        started = dict.fromkeys(self.agents, STARTED)
        self.central, self.edge = Told("central", started=dict(started)), Told("edge", started=dict(started))
        self.sources = Sources([self.central, self.edge])  # type: ignore[list-item]
        access = self.world.pair.access.model_copy(update={"exporters": self.world.pair.access.exporters.model_copy(update={"process": port})})
        first, second = (
            replace(hub, machine=replace(hub.machine, address=address), client=self._client(hub.name))
            for hub, address in zip(self.world.hubs, ("127.0.0.1", "127.0.0.2"), strict=True)
        )
        self.pair = HubPair(self.world.fleet, (first, second), access, 1.0, "lab", "x")

    def compared(self) -> Agreement:
        """Over the window."""
        return compare(self.sources, self.pair, self.agents, *BOUNDS)

    def _client(self, hub: str) -> HubClient:
        def reply(_request: httpx.Request) -> httpx.Response:
            factor = self.factor if hub == "edge" else 1.0
            return httpx.Response(200, json={"data": {"result": [self._series(agent, factor) for agent in self.agents]}})

        client = httpx.Client(transport=httpx.MockTransport(reply))
        return HubClient(hub, f"http://{hub}.test", client, client)

    def _series(self, agent: str, factor: float) -> dict[str, Any]:
        machine, name = agent.split("/")
        labels = {"__name__": "rollout_process_cpu_seconds_total", "machine": machine, "agent": name, "scraped_by": "central"}
        return {"metric": labels, "values": [[float(t), f"{factor * t:g}"] for t in range(30, 120, 15)]}


@pytest.fixture
def exporters() -> Iterator[tuple[int, dict[str, str]]]:
    """The process exporters of both machines: their port, and what each answers, by machine."""
    said = {
        machine: "".join(f'rollout_process_start_time_seconds{{agent="{name}"}} {STARTED}\n' for name in ("Worker", "Hub"))
        for machine in ("mainpc", "pc2")
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = said.get("mainpc" if self.connection.getsockname()[0] == "127.0.0.1" else "pc2")
            self.send_response(503 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_words: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1], said
        server.shutdown()


@pytest.fixture
def hubs(exporters: tuple[int, dict[str, str]]) -> Hubs:
    """Hubs that agree."""
    return Hubs(exporters[0])


def test_hubs_that_have_the_same_are_compared_sample_by_sample(hubs: Hubs) -> None:
    """Every agent, by both hubs."""
    agreed = hubs.compared()
    assert agreed.sources == ("central", "edge")
    assert agreed.frame is not None
    assert list(agreed.frame["agent"]) == hubs.agents
    assert set(agreed.frame["identical_samples"]) == {1.0}


def test_values_that_are_twenty_percent_off_are_other_samples(hubs: Hubs) -> None:
    """The series and their times are the same, and not one of the values."""
    hubs.factor = 1.2
    frame = hubs.compared().frame
    assert frame is not None
    assert set(frame["identical_series"]) == {1.0}
    assert set(frame["identical_samples"]) == {0.0}


@pytest.mark.parametrize("stale", ["central", "edge"])
def test_a_hub_that_is_not_fresh_is_passed_over(hubs: Hubs, stale: str) -> None:
    """The other one is believed alone, and there is nothing to compare."""
    getattr(hubs, stale).stale = "is stale: its newest sample of pc2 is 180 s old"
    hubs.factor = 1.2
    assert hubs.compared() == Agreement(tuple({"central", "edge"} - {stale}), None)


def test_without_a_fresh_hub_there_is_no_agreement(hubs: Hubs) -> None:
    """Each with its own reason."""
    hubs.central.stale, hubs.edge.stale = "cannot be reached", "is stale"
    with pytest.raises(SourceFault, match="central cannot be reached; edge is stale"):
        hubs.compared()


@pytest.mark.parametrize("alone", [False, True])
def test_a_hub_that_contradicts_the_exporters_is_no_source(hubs: Hubs, *, alone: bool) -> None:
    """They were asked directly: an agent that the hub has as another process is named, also where no other hub is left to ask."""
    hubs.central.stale = "cannot be reached" if alone else ""
    hubs.edge.started["pc2/Worker"] += 0.5
    with pytest.raises(SourceFault, match="edge contradicts the exporters about pc2/Worker: their processes are others"):
        hubs.compared()
    hubs.edge.started["pc2/Worker"] = STARTED + 0.05  # a kernel's ticks
    hubs.compared()


def test_an_exporter_that_is_away_contradicts_nobody(hubs: Hubs, exporters: tuple[int, dict[str, str]]) -> None:
    """Other gates say so; of the other machine the witness still speaks."""
    del exporters[1]["pc2"]
    hubs.edge.started["pc2/Worker"] += 0.5
    hubs.compared()
    hubs.edge.started["mainpc/Worker"] += 0.5
    with pytest.raises(SourceFault, match="about mainpc/Worker:"):
        hubs.compared()


@pytest.fixture
def run(hubs: Hubs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DayRun:
    """Day 1 where these hubs are a pair, outside Prefect."""
    for machine in ("mainpc", "pc2"):
        hubs.world.memory[machine].files_by_path[f"/{machine}/pair/prometheus.yaml"] = "{}"
    machines = {hub.machine.name: hub.machine for hub in hubs.pair.hubs}
    site = memory_site(MemoryWorld(), tmp_path)
    site = replace(site, fleet=hubs.world.fleet, machines=machines, sources=hubs.sources, pair=hubs.pair, clock=hubs.world.clock)
    monkeypatch.setattr("flows.agreement.compare_sources", compare_sources.fn)
    monkeypatch.setattr("flows.day_run.judge_gate", judge_gate.fn)
    return run_of(site, 1)


def agreed(run: DayRun) -> Verdict:
    """What the day's gate says of a look."""
    with disable_run_logger():
        return worst(agreement.agree(run, "at look 8 of batch 2"))


def test_a_day_goes_on_with_hubs_that_agree(run: DayRun) -> None:
    """And its gate says so, of every agent."""
    assert agreed(run) is Verdict.PASS
    agreement.agree_before(run)
    assert worst(run.record.findings[agreement.GATE]) is Verdict.PASS


def test_a_day_is_held_by_hubs_that_disagree(run: DayRun, hubs: Hubs) -> None:
    """Which of them is right nobody knows: asked again within the plan's budget, then a person is; never a verdict on the change."""
    hubs.factor = 1.2
    began = run.site.clock.now()
    with pytest.raises(Held, match=r"no metrics source for 120 s: central, edge disagree: .* samples are the same at both hubs"):
        agreed(run)
    assert run.site.clock.now() - began == pytest.approx(run.day.source_budget, abs=1)
    assert agreement.GATE not in run.record.findings


def test_hubs_that_agree_again_in_time_are_believed(run: DayRun, hubs: Hubs) -> None:
    """A sample that was on its way is no disagreement for ever."""
    hubs.factor = 1.2

    def arrived(_now: float) -> None:
        hubs.factor = 1.0

    hubs.world.clock.on_sleep = arrived
    assert agreed(run) is Verdict.PASS


def test_one_hub_alone_is_believed_and_that_is_told(run: DayRun, hubs: Hubs) -> None:
    """There is nobody to agree with, which is no agreement."""
    hubs.central.stale = "cannot be reached"
    with disable_run_logger():
        assert agreement.agree(run, "at look 8 of batch 2") == ()
    assert run.record.unknowns == ["whether the hubs agree at look 8 of batch 2: edge alone had fresh samples and was believed"]


def test_a_single_hub_is_asked_for_no_agreement(run: DayRun, hubs: Hubs) -> None:
    """Before day 2 there is no pair, whatever the site file declares."""
    del hubs.world.memory["pc2"].files_by_path["/pc2/pair/prometheus.yaml"]
    hubs.factor = 1.2
    with disable_run_logger():
        assert agreement.agree(run, "before the first batch") == ()
