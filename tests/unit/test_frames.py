"""Frames: what was not measured is a missing row, never a zero."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from expectations import validate
from rollout.errors import SourceFault
from rollout.fleet import Agent
from rollout.observe.baseline import baseline_frame, noise_of
from rollout.observe.collection import collect
from rollout.observe.frame import by_agent, frame_of, selection
from rollout.observe.health import error_frame, excused, health_frame, with_crashes
from rollout.observe.impact import Window, impact_samples, treated_frame
from rollout.observe.recovery import healthy_share, shifts
from rollout.plan import ImpactForm, ImpactMetric
from rollout.services.port import ServiceState
from rollout.verdict import Evidence, Verdict, worst
from tests.fakes.machine import MemoryWorld
from tests.fakes.source import ToldSource

A, B, ALIEN = "east/A", "west/B", "east/B"


@pytest.fixture
def source() -> ToldSource:
    """Knows nothing yet."""
    return ToldSource()


def metric(name: str, query: str, weight: str | None = None) -> ImpactMetric:
    """An impact metric with that query."""
    return ImpactMetric(name=name, form=ImpactForm.RELATIVE, bound=0.02, proceed_bound=0.05, unit="s", query=query, weight=weight, measured_by="load")


def samples(rows: list[tuple[str, str, float, float]]) -> pd.DataFrame:
    """Rows of agent, metric, t, value."""
    return pd.DataFrame(rows, columns=["agent", "metric", "t", "value"])


def test_values_that_are_not_finite_are_missing() -> None:
    """NaN and infinity are no measurements, and a foreign series is nobody's."""
    labels = {"machine": "east", "agent": "A"}
    frame = frame_of([{"metric": labels, "values": [[1, "1"], [2, "NaN"], [3, "+Inf"], [4, "4"]]}, {"metric": {"job": "x"}, "values": [[1, "1"]]}])
    assert frame.to_numpy().tolist() == [[A, "east", "", 1.0, 1.0], [A, "east", "", 4.0, 4.0]]


def test_an_infinite_value_of_this_moment_is_missing_too() -> None:
    """An instant vector keeps the agent's row, for the gate to name; what stands there is no number."""
    told = pd.DataFrame([{"machine": "east", "agent": name, "value": value} for name, value in (("A", math.inf), ("B", math.nan), ("C", 1.0))])
    assert by_agent(told, "x").isna().to_dict() == {A: True, ALIEN: True, "east/C": False}


@pytest.mark.parametrize("answer", [[], [{"metric": {}, "values": [[1, "1"]]}]])
def test_no_series_is_an_empty_frame_with_its_columns(answer: list[dict[str, object]]) -> None:
    """What comes after can rely on the columns."""
    frame = frame_of(answer)
    assert frame.empty
    assert list(frame.columns) == ["agent", "machine", "part", "t", "value"]


def test_a_selection_names_machines_and_agents() -> None:
    """It is wider than the pairs: callers filter again."""
    assert selection([B, A]) == 'machine=~"east|west",agent=~"A|B"'


def test_a_vector_is_indexed_by_identity() -> None:
    """Two machines may share a name; without the labels there is nobody."""
    vector = pd.DataFrame({"machine": ["east", "west"], "agent": ["Hub", "Hub"], "value": [1.0, 2.0]})
    assert by_agent(vector, "x").to_dict() == {"east/Hub": 1.0, "west/Hub": 2.0}
    assert by_agent(pd.DataFrame(), "x").empty
    assert by_agent(pd.DataFrame({"value": [1.0]}), "x").empty


def test_an_agent_seen_too_seldom_has_no_row(source: ToldSource) -> None:
    """The gate then says "not measured" instead of "sick"; a stranger of the same names has none either."""
    source.instant = {
        "sum without (scraped_by) (sum_over_time": {A: 1.0, B: 0.2, ALIEN: 0.0},
        "sum without (scraped_by) (count_over_time": {A: 30, B: 3, ALIEN: 30},
        "max without (scraped_by) (changes": {A: 0, B: 0},
        "max without (scraped_by) (max_over_time": {A: 1, B: 1},
    }
    frame = health_frame(source, [A, B], 30, enough=24)
    assert frame.to_dict("records") == [{"agent": A, "probe_success_ratio": 1.0, "samples": 30.0, "restarts": 0.0, "processes": 1.0}]
    assert all("[30s]" in query and 'agent=~"A|B"' in query for query in source.asked)


def test_a_value_that_one_exporter_does_not_have_is_missing(source: ToldSource) -> None:
    """The process exporter is down: probes are there, restarts are not zero but unknown."""
    source.instant = {"sum without (scraped_by) (sum_over_time": {A: 1.0}, "sum without (scraped_by) (count_over_time": {A: 30}}
    (row,) = health_frame(source, [A], 30, enough=24).to_dict("records")
    assert row["samples"] == 30
    assert math.isnan(row["restarts"])
    assert math.isnan(row["processes"])


def test_nothing_seen_of_anybody_is_an_empty_frame(source: ToldSource) -> None:
    """And a source that is down is a fault, not an empty frame."""
    assert health_frame(source, [A], 30, enough=1).empty
    source.down = True
    with pytest.raises(SourceFault):
        health_frame(source, [A], 30, enough=1)


def test_errors_are_asked_over_the_whole_window(source: ToldSource) -> None:
    """The plan's own query and what it is a ratio of, and only of these agents."""
    source.instant = {"errors": {A: 0.01, ALIEN: 1.0}, "requests": {A: 200.0, ALIEN: 3.0}}
    frame = error_frame(source, metric("errors", "errors{$selector}[$rate]", "requests{$selector}[$rate]"), [A, B], 44)
    assert frame.to_dict("records") == [{"agent": A, "error_ratio": 0.01, "ratio_but_for_one": 0.005, "share_of_one": 0.005}]
    assert all("[44s]" in query for query in source.asked)


NO, PERHAPS, YES = Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS


@pytest.mark.parametrize(
    ("failed", "requests", "said"),
    [(1, 3, PERHAPS), (0, 3, PERHAPS), (2, 3, NO), (3, 3, NO), (1, 60, YES), (2, 60, PERHAPS), (3, 60, NO), (0, 60, YES), (0, 0, Verdict.ERROR)],
)
def test_what_a_few_requests_say_of_a_bound_of_two_percent(source: ToldSource, failed: int, requests: int, said: Verdict) -> None:
    """One error among three is no evidence of harm and no error none of its absence; two are harm; nobody asked is not measured."""
    counted = requests * 1.1  # as Prometheus extrapolates
    source.instant = {"errors": {A: failed / requests if requests else math.nan}, "requests": {A: counted}}
    frame = error_frame(source, metric("errors", "errors{$selector}[$rate]", "requests{$selector}[$rate]"), [A], 44)
    findings = validate("batch_errors", frame, {"max_error_ratio": 0.02}, Evidence("told", "errors", 0, 44, 1), agents=[A], metrics=())
    assert worst(findings) is said


def test_impact_samples_carry_their_weights(source: ToldSource) -> None:
    """One query per metric with its weight; a weight that is missing at one scrape is missing, and other agents' pairs are left out."""
    source.ranges = {
        "latency": [(A, 1, 0.02), (A, 2, 0.03), (ALIEN, 1, 9)],
        "requests": [(A, 1, 40)],
        "memory": [(B, 1, 100)],
    }
    metrics = [metric("latency", "latency{$selector}[$rate]", "requests{$selector}"), metric("memory", "memory{$selector}")]
    frame = impact_samples(source, metrics, [A, B], 0, 10, 1, 4)
    assert len(source.asked) == 2
    assert any("[4s]" in query for query in source.asked)
    assert set(source.windows) == {(0, 10, 1)}
    assert frame[["agent", "metric", "t", "value"]].to_numpy().tolist() == [[A, "latency", 1, 0.02], [A, "latency", 2, 0.03], [B, "memory", 1, 100]]
    assert frame["weight"].isna().tolist() == [False, True, True]


def test_the_judges_frame_counts_time_from_the_activation() -> None:
    """Changed and unchanged agents side by side, nobody else; the restart itself is neither before nor after."""
    measured = [(A, "x", 90, 1), (A, "x", 97, 1), (B, "x", 110, 1), ("east/C", "x", 110, 1)]
    frame = treated_frame(samples(measured), [A], [B], Window(acted=96, since=100, settle=8, restarts={}))
    assert frame[["agent", "treated", "t"]].to_numpy().tolist() == [[A, True, -6], [B, False, 10]]
    assert not frame["contaminated"].any()


def test_agents_that_took_long_to_start_keep_all_their_time_before() -> None:
    """Thirty samples before the act are thirty before the change, whether the agents were up again after a second or after a minute."""
    for took in (1, 60):
        measured = [(A, "x", t, 1) for t in (*range(66, 96), *range(96 + took, 126 + took))]
        frame = treated_frame(samples(measured), [A], [], Window(acted=96, since=96 + took, settle=8, restarts={}))
        assert frame["t"].tolist() == list(range(-30, 30))


def test_a_restart_by_somebody_else_contaminates_that_agent_until_it_has_settled() -> None:
    """Its samples before and long after the restart count, those of its youth do not; other agents' all do."""
    measured = [(agent, "x", t, 1) for agent in (A, B) for t in (105, 110, 118, 119)]
    frame = treated_frame(samples(measured), [A], [B], Window(acted=96, since=100, settle=8, restarts={B: 110.0}))
    assert frame.loc[frame["contaminated"], ["agent", "t"]].to_numpy().tolist() == [[B, 10], [B, 18]]


def test_a_baseline_row_says_how_many_and_how_old() -> None:
    """Per agent and metric: samples, age of the newest, mean and standard deviation; a single sample has none, which is not a quiet one."""
    frame = baseline_frame(samples([(A, "x", 90, 1.0), (A, "x", 95, 3.0), (B, "x", 80, 5.0)]), now=100)
    rows = {row["agent"]: row for row in frame.to_dict("records")}
    assert (rows[A]["samples"], rows[A]["newest_age_seconds"], rows[A]["mean"], rows[A]["sd"]) == (2, 5, 2.0, pytest.approx(2**0.5))
    assert (rows[B]["samples"], rows[B]["newest_age_seconds"]) == (1, 20)
    assert math.isnan(rows[B]["sd"])


def test_the_fleets_noise_is_between_agents() -> None:
    """The deviation of the agents' means over their mean; a metric that is zero everywhere has none."""
    frame = noise_of(samples([(A, "x", 1, 9.0), (A, "x", 2, 11.0), (B, "x", 1, 20.0), (A, "zero", 1, 0.0), (B, "zero", 1, 0.0)]))
    rows = {row["metric"]: row for row in frame.to_dict("records")}
    assert (rows["x"]["agents"], rows["x"]["mean"], rows["x"]["cv"]) == (2, 15.0, pytest.approx(50**0.5 / 15))
    assert rows["zero"]["cv"] == 0


def test_agents_are_compared_with_themselves_after_a_rollback() -> None:
    """A slow and a fast agent, both up by a tenth, are shifted by a tenth each; who is missing on one side is not among them."""
    before = samples([(A, "latency", 1, 1.0), (B, "latency", 1, 100.0), ("west/C", "latency", 1, 10.0)])
    after = samples([(A, "latency", 9, 1.1), (B, "latency", 9, 110.0), ("west/C", "latency", 9, 90.0), ("west/New", "latency", 9, 1.0)])
    assert dict(shifts(before, after, "latency")) == pytest.approx({A: 0.1, B: 0.1, "west/C": 8.0})
    assert shifts(before, samples([(A, "other", 9, 1.0)]), "latency").empty
    assert shifts(samples([]), after, "latency").empty


def test_the_healthy_share_counts_every_agent_asked() -> None:
    """One of six is down."""
    world = MemoryWorld()
    world.all["west/Agent5"].state = ServiceState.FATAL
    assert healthy_share(world.machines, world.agents, world.prober) == pytest.approx(5 / 6)


class Targets:
    """A hub that scrapes what it is told."""

    def __init__(self, up: dict[str, bool]) -> None:
        self._up = up

    def active(self) -> dict[str, bool]:
        """As told."""
        return self._up


def test_a_collection_joins_what_agents_and_hub_say(source: ToldSource) -> None:
    """An agent that the hub does not scrape is no success: its ratio is missing and its target is not up."""
    world = MemoryWorld()
    world.switch_on("east/Agent0", "east/Agent1")
    source.instant = {
        "sum without (scraped_by) (sum_over_time": {"east/Agent0": 1.0, "west/Agent0": 0.0},
        "sum without (scraped_by) (count_over_time": {"east/Agent0": 4},
        "max without (scraped_by) (scrape_duration_seconds": {"east/Agent0": 0.01},
    }
    asked: list[Agent] = list(world.agents[:3])
    collection = collect(world.machines, asked, world.prober, source, Targets({"east/Agent0": True}), 60, "metrics")
    zero, one, two = collection.frame.to_dict("records")
    assert (zero["metrics_status"], zero["exposition_valid"], zero["health_feature_matches"], zero["target_up"]) == (200, True, True, True)
    assert (zero["scrape_success_ratio"], zero["scrapes"]) == (1.0, 4.0)
    assert (one["metrics_status"], one["target_up"]) == (200, False)
    assert math.isnan(one["scrape_success_ratio"])
    assert (two["metrics_status"], two["exposition_valid"], two["health_feature_matches"]) == (404, False, False)
    assert collection.timing()["collection_seconds"].item() == collection.seconds > 0


def test_a_restart_that_was_asked_for_is_excused_with_the_probes_it_cost() -> None:
    """Once: a second restart counts, and so does every probe lost beyond the time in which a process is young; nobody else is excused."""
    rows = {"agent": [A, B, "east/C", "east/D"], "restarts": [1, 2, 1, 1], "probe_success_ratio": [0.8, 0.8, 0.8, 0.5], "samples": [10, 10, 10, 10]}
    frame = excused(pd.DataFrame(rows), [A, B, "east/D"], settle=2)
    assert frame["restarts"].tolist() == [0, 2, 1, 0]
    assert frame["probe_success_ratio"].tolist() == pytest.approx([1.0, 0.8, 0.8, 0.7])


def test_a_crash_between_two_looks_of_the_exporter_is_a_restart() -> None:
    """The supervisor's log knows of it; what the exporter saw itself is not counted twice, and nobody else is touched."""
    frame = with_crashes(pd.DataFrame({"agent": [A, B, "east/C"], "restarts": [0, 2, 0]}), {A, B})
    assert frame["restarts"].tolist() == [1, 2, 0]
