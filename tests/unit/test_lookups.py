"""Do agents find what they depend on by asking: their own counts, judged by the plan's gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations import validate
from rollout.fleet import load_fleet
from rollout.observe.lookups import askers, lookup_frame
from rollout.plan import load_plan
from rollout.verdict import Evidence, Finding, Verdict, worst
from tests.fakes.source import ToldSource

ROOT = Path(__file__).parents[2]
AGENTS = ("east/Agent0", "west/Agent4")
BOUNDS = load_plan(ROOT / "plans" / "week3.yaml").day(5).gate("lookups").bounds
LOOKUPS = "sum by (machine, agent) (max without (scraped_by) (last_over_time(agent_lookups_total{machine"
FAILED = 'sum by (machine, agent) (max without (scraped_by) (last_over_time(agent_lookups_total{outcome!="found"'
ANSWERED = 'sum by (machine, agent) (max without (scraped_by) (last_over_time(agent_lookups_total{outcome!="failed"'
SECONDS = "max by (machine, agent) (last_over_time(agent_lookup_seconds_total"


def told(lookups: float = 4.0, failed: float = 0.0, seconds: float = 0.02) -> ToldSource:
    """A hub with these totals of the second agent; the first one has asked twice in 10 ms."""
    source = ToldSource()
    first, second = AGENTS
    source.instant = {
        LOOKUPS: {first: 2.0, second: lookups},
        FAILED: {first: 0.0, second: failed},
        ANSWERED: {first: 2.0, second: lookups - failed},
        SECONDS: {first: 0.01, second: seconds},
    }
    return source


def judged(source: ToldSource) -> dict[str, Finding]:
    """The plan's gate, by check."""
    frame = lookup_frame(source, AGENTS, 60)
    return {each.check: each for each in validate("lookups", frame, BOUNDS, Evidence("central", "agent_lookups_total", 0, 60, 2), agents=AGENTS)}


def test_agents_that_find_each_other_pass() -> None:
    """Seconds are the mean of what was answered, which a failure does not make shorter; failures are a share."""
    frame = lookup_frame(told(failed=1.0), AGENTS, 60).set_index("agent")
    assert frame.loc["west/Agent4"].to_dict() == pytest.approx({"lookups": 4, "failed_share": 0.25, "seconds": 0.02 / 3})
    assert worst(judged(told()).values()) is Verdict.PASS


@pytest.mark.parametrize(
    ("source", "check", "verdict"),
    [
        pytest.param(told(lookups=0.0), "lookups.asked", Verdict.FAIL, id="never asked"),
        pytest.param(told(failed=3.0), "lookups.answered", Verdict.FAIL, id="unanswered"),
        pytest.param(told(seconds=4.0), "lookups.time", Verdict.FAIL, id="slow"),
    ],
)
def test_those_that_do_not_are_named(source: ToldSource, check: str, verdict: Verdict) -> None:
    """An agent that never asked, one whose questions stay unanswered, and one that waits a second for an answer."""
    found = judged(source)[check]
    assert (found.verdict, found.agents) == (verdict, ("west/Agent4",))


def test_one_that_tells_nothing_is_not_measured() -> None:
    """No series is no lookup and no PASS."""
    source = told()
    for values in source.instant.values():
        del values[AGENTS[1]]
    assert worst(judged(source).values()) is Verdict.ERROR


def test_only_who_depends_on_a_working_agent_has_to_ask() -> None:
    """Hub agents serve no work, so nobody has to find them; they themselves ask nobody."""
    fleet = load_fleet(ROOT / "fleets" / "pair.yaml")
    assert askers(fleet, fleet.agents) == ["mainpc/SystemDigitalTwin", "pc2/CacheManager"]
