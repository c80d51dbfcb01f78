"""What collecting costs: per agent as the hub scraped it, per hub as it grew."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations import validate
from rollout.observe.cost import HubCost, agents_cost, growth_frame
from rollout.plan import load_plan
from rollout.verdict import Evidence, Verdict, worst
from tests.fakes.source import ToldSource

AGENTS = ("east/Agent0", "west/Agent4")
EVIDENCE = Evidence("central", "count", 0, 30, 2)
DAY_1 = load_plan(Path(__file__).parents[2] / "plans" / "week3.yaml").day(1)
BOUNDS = DAY_1.gate("cost").bounds | DAY_1.gate("cost_growth").bounds


@pytest.fixture
def source() -> ToldSource:
    """A hub that scrapes both."""
    source = ToldSource()
    source.instant = {
        "count by": dict.fromkeys(AGENTS, 36.0),
        "max by (machine, agent) (max_over_time(scrape_samples": dict.fromkeys(AGENTS, 31.0),
        "max by (machine, agent) (max_over_time(scrape_duration": {AGENTS[0]: 0.004, AGENTS[1]: 0.006},
    }
    return source


def test_honest_agents_pass_the_plans_gate(source: ToldSource) -> None:
    """A row per agent with what the hub counted, judged by the plan's own bounds."""
    frame = agents_cost(source, AGENTS, 30)
    assert frame.set_index("agent")["scrape_seconds"].to_dict() == {AGENTS[0]: 0.004, AGENTS[1]: 0.006}
    assert worst(validate("cost", frame, BOUNDS, EVIDENCE, agents=AGENTS)) is Verdict.PASS


def test_a_flood_of_series_is_found_and_named(source: ToldSource) -> None:
    """One agent with a label of free values fails the gate; one that the hub does not scrape is not measured."""
    source.instant["count by"][AGENTS[1]] = 4000.0
    found = {finding.check: finding for finding in validate("cost", agents_cost(source, AGENTS, 30), BOUNDS, EVIDENCE, agents=AGENTS)}
    assert (found["cost.series"].verdict, found["cost.series"].agents) == (Verdict.FAIL, (AGENTS[1],))
    for values in source.instant.values():
        del values[AGENTS[1]]
    found = {finding.check: finding for finding in validate("cost", agents_cost(source, AGENTS, 30), BOUNDS, EVIDENCE, agents=AGENTS)}
    assert (found["cost.rows"].verdict, found["cost.rows"].agents) == (Verdict.ERROR, (AGENTS[1],))


@pytest.mark.parametrize(
    ("series", "samples", "verdict"),
    [
        (1072, 104.8, Verdict.PASS),
        (900, 99, Verdict.PASS),
        (1500, 104.8, Verdict.INCONCLUSIVE),
        (1072, 140, Verdict.INCONCLUSIVE),
        (1072, float("nan"), Verdict.ERROR),
    ],
)
def test_a_hub_grows_as_the_plan_allows(series: float, samples: float, verdict: Verdict) -> None:
    """For each of two agents 36 series and 2.4 samples a second are well; a flood may be somebody else's and is no pass; an unknown rate is ERROR."""
    frame = growth_frame(HubCost("central", 0, 1000, 100), HubCost("central", 30, series, samples), 2)
    assert worst(validate("cost_growth", frame, BOUNDS, EVIDENCE)) is verdict
