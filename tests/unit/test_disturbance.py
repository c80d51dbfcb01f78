"""What restarts cost: seconds away by the supervisor's own log, requests lost by the clients' counters."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from rollout.observe.disturbance import Downtime, downtimes, requests_lost
from rollout.observe.lost import LostRequests, lost_requests
from rollout.plan import load_plan
from rollout.services.port import Outage
from rollout.services.supervisor_log import outages_in
from tests.fakes.machine import MemoryWorld
from tests.fakes.source import ToldSource

LOG = """\
2026-11-26 12:00:00,000 INFO spawned: 'A' with pid 100
2026-11-26 12:00:01,004 INFO success: A entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
2026-11-26 12:10:00,100 WARN stopped: A (terminated by SIGTERM)
2026-11-26 12:10:00,400 INFO spawned: 'A' with pid 200
2026-11-26 12:20:00,000 WARN exited: A (exit status 70; not expected)
2026-11-26 12:20:01,500 INFO spawned: 'A' with pid 300
2026-11-26 12:30:00,000 WARN stopped: B (terminated by SIGTERM)
"""


def test_the_log_tells_when_a_program_was_away_and_whether_that_was_asked_for() -> None:
    """In Unix time, since one start in it is known otherwise too; an end without a start after it is none yet."""
    found = outages_in(LOG, {300: 1_000_001.5})
    assert set(found) == {"A"}
    asked, own = found["A"]
    assert (asked.asked, own.asked) == (True, False)
    assert asked.spawned - asked.ended == pytest.approx(0.3)
    assert (own.ended, own.spawned) == (pytest.approx(1_000_000.0), pytest.approx(1_000_001.5))


def test_a_log_without_a_known_start_tells_nothing() -> None:
    """Its time of day could be that of any zone, so that nothing is read from it."""
    assert outages_in(LOG, {999: 5.0}) == {}
    assert outages_in("", {}) == {}


def test_seconds_away_last_until_the_agent_is_healthy_again() -> None:
    """From end to spawn by the supervisor, from spawn to healthy by the agent; planned and unplanned apart; what lies before does not count."""
    world = MemoryWorld()
    began = world.clock.now()
    world.east.away["Agent0"] = (
        Outage(began - 100, began - 99, asked=True), Outage(began + 1, began + 1.25, asked=True), Outage(began + 9, began + 11, asked=False)
    )  # fmt: skip
    world.all["west/Agent5"].health = lambda _: httpx.Response(200, json={"pid": 1, "started": 1.0})
    found = downtimes(world.machines, world.agents, world.prober, began)
    assert found["east/Agent0"] == Downtime(planned=0.75, unplanned=2.5)
    assert found["east/Agent1"] == Downtime(0, 0)
    assert "west/Agent5" not in found  # it does not say how long it takes to start


ERRORS = "sum by (machine, agent) (max without (scraped_by) (rate(load_errors"
REQUESTS = "sum by (machine, agent) (max without (scraped_by) (increase"


@pytest.mark.parametrize("hole", [float("nan"), float("inf"), None])
def test_who_was_not_counted_is_named_and_no_zero(hole: float | None) -> None:
    """A hole in the counts of one agent is no request that was answered; nobody counted at all is no count."""
    errors = load_plan(Path(__file__).parents[2] / "plans" / "week3.yaml").day(1).ratio
    assert errors is not None
    agents = ["east/Agent0", "east/Agent1", "east/Agent2"]
    told = {"east/Agent0": 0.02, "east/Agent1": float("nan")} | ({} if hole is None else {"east/Agent2": hole})
    source = ToldSource()
    source.instant = {ERRORS: told, REQUESTS: {"east/Agent0": 200.0, "east/Agent1": 0.0, "east/Agent2": 200.0}}
    assert lost_requests(source, errors, agents, 100) == LostRequests(4.0, 200.0, ("east/Agent2",))  # nobody has asked Agent1 anything
    assert lost_requests(source, errors, agents[1:], 100) is None
    source.instant = {}
    assert lost_requests(source, errors, agents, 100) is None


def test_lost_requests_are_the_ratio_of_errors_times_what_it_is_a_ratio_of() -> None:
    """By the plan's own error metric; an agent without clients is not among them."""
    errors = load_plan(Path(__file__).parents[2] / "plans" / "week3.yaml").day(3).ratio
    assert errors is not None
    source = ToldSource()
    source.instant = {
        ERRORS: {"east/Agent0": 0.02, "east/Agent1": 0.0},
        REQUESTS: {"east/Agent0": 200.0, "east/Agent1": 200.0, "east/Agent2": 5.0},
    }
    assert requests_lost(source, errors, ["east/Agent0", "east/Agent1", "east/Agent2"], 100.0) == {"east/Agent0": 4.0, "east/Agent1": 0.0}
