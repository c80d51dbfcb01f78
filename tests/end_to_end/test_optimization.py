"""Day 3 on six agents, one of which breaks when its imports are deferred; then everything back at once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rollout.report import DayReport, Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, rollout
from tests.end_to_end.place import Place

pytestmark = pytest.mark.lab

BREAKS = "mainpc/RequestCoordinator"
"""Its role needs a codec that an import registers by the way."""
LIGHT = ("mainpc/ServiceRegistry", "pc2/CacheManager")
FLAG = "LAZY_IMPORTS"


@dataclass(frozen=True)
class Optimised:
    """Days 1 and 3, done."""

    place: Place
    run: Run
    report: DayReport
    lazy: set[str]


def lazy(place: Place) -> set[str]:
    """Agents that have the flag in their process and say so."""
    features = {identity: place.health(identity).get("features") for identity in place.site.agents}
    seen = {identity for identity, state in place.seen().items() if state.process.get(FLAG) == "true"}
    assert seen == {identity for identity, said in features.items() if isinstance(said, dict) and said["lazy_loading"] == "on"}
    return seen


@pytest.fixture(scope="module")
def optimised(clean_six: Place, commands: Commands) -> Optimised:
    """Metrics first, so that Prometheus can confirm; then the three agents that gain most."""
    assert commands.start(clean_six, "day-1").end().code == 0
    run = commands.start(clean_six, "day-3")
    ended = run.end()
    assert ended.code == 0, ended.output
    return Optimised(clean_six, run, run.report, lazy(clean_six))


def test_the_agent_that_breaks_is_set_back_alone_and_the_day_goes_on(optimised: Optimised) -> None:
    """It is named with the reason, runs without the flag again, and the two others of the day keep it."""
    report = optimised.report
    assert report.outcome is Outcome.COMPLETE
    (batch,) = [batch for batch in report.batches if batch.set_back]
    assert list(batch.set_back) == [BREAKS]
    assert "answers its contract as it did before" in batch.set_back[BREAKS]
    assert {batch.decision for batch in report.batches} <= {"promote", "complete"}
    assert BREAKS not in optimised.lazy
    assert len(optimised.lazy) == 2
    by_id = {criterion.id: criterion for criterion in report.criteria}
    assert by_id["D3.R"].verdict is Standing.MET
    assert by_id["D3.4"].verdict is Standing.NOT_MET
    assert by_id["D3.4"].agents == (BREAKS,)


def test_light_agents_are_reported_and_never_touched(optimised: Optimised) -> None:
    """Not worth it is an outcome, with the seconds that a start would have saved; it is no optimization by name."""
    assert optimised.report.optimization is not None
    rows = {row.agent: row for row in optimised.report.optimization.agents}
    assert len(rows) == 6
    for agent in LIGHT:
        assert rows[agent].outcome == "not worth it"
        assert "the floor is" in rows[agent].reason
        assert agent not in optimised.lazy
    assert sum(optimised.report.optimization.counts.values()) == 6


def test_who_is_called_proven_has_a_bound_below_the_claim(optimised: Optimised) -> None:
    """By five starts on each side; the first request and the memory stand beside it; Prometheus has the start-up too."""
    assert optimised.report.optimization is not None
    proven = [row for row in optimised.report.optimization.agents if row.outcome == "applied and proven"]
    assert {row.agent for row in proven} == optimised.lazy
    for row in proven:
        assert row.upper is not None
        assert row.upper < 0.6
        assert None not in (*row.seconds, *row.first_request, *row.memory, *row.confirmed)
    by_id = {criterion.id: criterion.verdict for criterion in optimised.report.criteria}
    assert by_id["D3.1"] is Standing.MET
    assert by_id["D3.6"] is Standing.NOT_PROVEN  # two agents are too few for a bound over all


def test_all_optimizations_come_back_at_once(optimised: Optimised) -> None:
    """The emergency finds them by their flag, restores them, and reads each back inside its budget."""
    ended = rollout("emergency", "optimization", "--site", optimised.place.name, "--name", "ann", "--reason", "a drill")
    assert ended.code == 0, ended.output
    assert lazy(optimised.place) == set()
    assert "2 agents are not optimised any more" in ended.output
