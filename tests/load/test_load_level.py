"""What is said of a level: an ordered one becomes targets, a measured one frames and findings, and what was not measured never passes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from expectations import validate
from rollout.errors import Refused
from rollout.fleet import load_fleet
from rollout.load.findings import ending_finding, generator_finding, lasted_finding, level_evidence, levels_finding
from rollout.load.frames import agents_frame, end_frame, level_frame, memory_frame, run_percentiles
from rollout.load.histogram import Histogram
from rollout.load.measured import Ending, ErrorKind, Measured, TargetMeasured
from rollout.load.order import order_of
from rollout.load.tell import level_report
from rollout.load.watch import Watch
from rollout.markdown_load import levels_table
from rollout.observe.prometheus import Sources
from rollout.plan import Load, load_plan
from rollout.services.port import ServiceState
from rollout.verdict import Evidence, Verdict, worst
from tests.fakes.machine import MemoryWorld, Process
from tests.fakes.source import ToldSource

ROOT = Path(__file__).parents[2]
AGENTS = ("east/Agent0", "east/Agent1", "west/Agent4")
ADDRESSES = {"mainpc": "10.0.0.1", "pc2": "10.0.0.2"}
PROBED, COUNTED, CHANGES = (f"{how} without (scraped_by) ({what}" for how, what in (("sum", "sum_over"), ("sum", "count_over"), ("max", "changes")))
"""How the queries of health begin."""
EVIDENCE = Evidence("load generator", "GET", 1000, 1010, 300)


@pytest.fixture(scope="module")
def load() -> Load:
    """As production reads it."""
    load = load_plan(ROOT / "plans" / "week3.yaml").day(6).load
    assert load is not None
    return load


def counts(seconds: float, number: int) -> dict[int, int]:
    """So many equal latencies."""
    histogram = Histogram()
    for _ in range(number):
        histogram.record(seconds)
    return histogram.counts


def measured(
    seconds: float = 0.03, ending: Ending = Ending.FINISHED, reason: str = "", sent: int = 100, errors: int = 0, lag: float = 0.002
) -> Measured:
    """A level of ten seconds with 100 requests to each of three agents; the first of them has the errors."""
    failed = {ErrorKind.STATUS: errors} if errors else {}
    return Measured(
        level="first",
        began=1000,
        ended=1010,
        seconds=10,
        lag=counts(lag, 3 * sent),
        runs=tuple(counts(seconds, sent) for _ in range(3)),
        targets=tuple(
            TargetMeasured(agent=agent, scheduled=100, sent=sent, errors=failed if agent == AGENTS[0] else {}, latency=counts(seconds, sent))
            for agent in AGENTS
        ),
        ending=ending,
        reason=reason,
    )


def test_an_order_is_for_every_agent_at_its_own_ports(load: Load) -> None:
    """77 of 77 get the level's rate; a hub's agent serves no work and is asked for its health alone."""
    fleet = load_fleet(ROOT / "fleets" / "week3.yaml")
    order = order_of(load, load.levels[1], 120, fleet.agents, ADDRESSES, 1)
    assert [target.agent for target in order.targets] == [agent.id for agent in fleet.agents]
    assert {target.rate for target in order.targets} == {2}
    assert order.seconds == 60
    by_agent = {target.agent: [request.url for request in target.requests] for target in order.targets}
    assert by_agent["mainpc/ServiceRegistry"] == ["http://10.0.0.1:7200/work", "http://10.0.0.1:8200/health"]
    assert by_agent["mainpc/ObservabilityHub"] == ["http://10.0.0.1:9001/health"]


def test_an_agent_that_nobody_would_load_is_refused(load: Load) -> None:
    """A mix without health has nothing for a hub's agent: 75 of 77 is not the fleet."""
    fleet = load_fleet(ROOT / "fleets" / "week3.yaml")
    work_only = load.model_copy(update={"requests": load.requests[:1]})
    with pytest.raises(Refused, match="mainpc/ObservabilityHub serves none of the requests"):
        order_of(work_only, load.levels[0], 1, fleet.agents, ADDRESSES, 1)


def test_the_plan_loads_for_eight_hours_and_the_rehearsals_say_what_they_compress(load: Load) -> None:
    """Levels and recovery are the 8 h of plan.md:309; a rehearsal prints pace, scale and the generator's limits."""
    plan = load_plan(ROOT / "plans" / "week3.yaml")
    assert load.duration == 8 * 3600
    assert [level.name for level in load.required] == ["first", "second", "third"]
    for site in ("lab", "six"):
        rehearsed = plan.for_site(site)
        assert rehearsed.day(6).load is not None
        lines = rehearsed.differences(6)
        assert {line.split()[0] for line in lines} >= {"load.pace", "load.scale", "load.generator.max_lag"}
        assert not any("load.levels" in line or "load.timeout" in line for line in lines)


def test_a_generator_that_fell_behind_leaves_the_level_unmeasured(load: Load) -> None:
    """Too few sent or too late is ERROR, which a report calls NOT MEASURED; keeping up is PASS with the requests as samples."""
    assert generator_finding(measured(), load.generator).verdict is Verdict.PASS
    few, late = measured(sent=98), measured(lag=0.06)
    for behind in (few, late, measured(sent=0)):
        finding = generator_finding(behind, load.generator)
        assert finding.verdict is Verdict.ERROR
        assert "fell behind" in finding.sentence
    assert "294 of 300 scheduled" in generator_finding(few, load.generator).sentence
    assert "within 60" in generator_finding(late, load.generator).sentence


def test_a_level_that_was_ended_early_is_not_blamed_on_the_generator(load: Load) -> None:
    """What was not sent because a condition ended the level is not a generator that fell behind; lag still is."""
    assert generator_finding(measured(ending=Ending.ERRORS, sent=50), load.generator).verdict is Verdict.PASS
    assert generator_finding(measured(ending=Ending.ERRORS, sent=50, lag=0.06), load.generator).verdict is Verdict.ERROR


@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        (Ending.FINISHED, Verdict.PASS),
        (Ending.ERRORS, Verdict.FAIL),
        (Ending.LATENCY, Verdict.FAIL),
        (Ending.RESTART, Verdict.FAIL),
        (Ending.SOURCE, Verdict.ERROR),
        (Ending.ASKED, Verdict.ERROR),
    ],
)
def test_every_ending_but_one_is_no_pass(ending: Ending, verdict: Verdict) -> None:
    """What the agents did fails the level, what the watchers missed leaves it unmeasured; the reason is said."""
    finding = ending_finding(measured(ending=ending, reason="this happened"), ["east/Agent0"])
    assert finding.verdict is verdict
    assert "this happened" in finding.sentence
    assert ending_finding(measured(ending=ending, sent=0)).verdict is not Verdict.PASS


def test_the_test_in_one_sentence(load: Load) -> None:
    """It passes when the levels that have to hold held, says how far it came, and is only as good as the worst of them."""
    held = [level.name for level in load.levels]
    passed = ending_finding(measured())
    failed = ending_finding(measured(ending=Ending.LATENCY, reason="too slow"))
    unmeasured = generator_finding(measured(sent=98), load.generator)

    def said(findings: list[object], count: int, broke: str = "") -> object:
        return levels_finding(load.required, findings, load.levels[:count], broke, EVIDENCE, 2)  # type: ignore[arg-type]

    assert held == ["first", "second", "third", "peak"]
    whole = said([passed], 4)
    assert (whole.verdict, whole.observed) == (Verdict.PASS, "3 of 3, up to peak, 16 requests/s to each agent")  # type: ignore[attr-defined]
    assert said([passed], 3, "Level peak: too slow").verdict is Verdict.PASS  # type: ignore[attr-defined]
    assert said([passed, failed], 1).verdict is Verdict.FAIL  # type: ignore[attr-defined]
    assert said([passed, unmeasured], 1).verdict is Verdict.ERROR  # type: ignore[attr-defined]
    assert said([passed], 2).verdict is Verdict.INCONCLUSIVE  # type: ignore[attr-defined]
    assert said([], 0).verdict is Verdict.ERROR  # type: ignore[attr-defined]
    assert "highest that held all criteria: none" in said([], 0).sentence  # type: ignore[attr-defined]


def told(**changes: dict[str, float]) -> ToldSource:
    """A source that saw three well agents, but for the changes by column."""
    source = ToldSource()
    columns = {
        "min by": 1.0,
        "max by (machine, agent) (rate(": 0.02,
        "max by (machine, agent) (max_over": 26.5,
        PROBED: 1.0,
        COUNTED: 10.0,
        CHANGES: 0.0,
        "max without (scraped_by) (max_over": 1.0,
    }
    source.instant = {begin: dict.fromkeys(AGENTS, value) for begin, value in columns.items()}
    for begin, values in changes.items():
        source.instant[begin] |= values
    return source


def judged(seen: Measured, source: ToldSource, hub_lag: float | None = 0.5) -> dict[str, object]:
    """Both suites on that level, by check."""
    gates = [gate for gate in load_plan(ROOT / "plans" / "week3.yaml").day(6).gates if gate.name.startswith("load_")]
    bounds = {name: bound for gate in gates for name, bound in gate.bounds.items()}
    found = (
        *validate("load_level", level_frame(seen, hub_lag), bounds, EVIDENCE),
        *validate("load_agents", agents_frame(source, seen, AGENTS, 10, 8), bounds, EVIDENCE, agents=AGENTS),
    )
    return {finding.check: finding for finding in found}


def test_a_level_that_was_well_holds() -> None:
    """All checks of both suites pass on frames as they are really built."""
    assert worst(judged(measured(), told()).values()) is Verdict.PASS  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seen", "changes", "hub_lag", "check", "verdict"),
    [
        (measured(errors=5), {}, 0.5, "load_level.errors", Verdict.FAIL),
        (measured(errors=3), {}, 0.5, "load_agents.errors", Verdict.FAIL),
        (measured(seconds=0.6), {}, 0.5, "load_level.latency", Verdict.FAIL),
        (measured(), {}, 61.0, "load_level.hubs", Verdict.FAIL),
        (measured(), {}, None, "load_level.hubs", Verdict.ERROR),
        (measured(), {"min by": {AGENTS[1]: 0.98}}, 0.5, "load_agents.scrapes", Verdict.FAIL),
        (measured(), {CHANGES: {AGENTS[1]: 1.0}}, 0.5, "load_agents.restarts", Verdict.FAIL),
        (measured(), {COUNTED: {AGENTS[1]: 3.0}}, 0.5, "load_agents.rows", Verdict.ERROR),
        (measured(), {"max by (machine, agent) (rate(": {AGENTS[1]: float("nan")}}, 0.5, "load_agents.cpu", Verdict.ERROR),
    ],
)
def test_each_thing_that_went_wrong_is_found(
    seen: Measured, changes: dict[str, dict[str, float]], hub_lag: float | None, check: str, verdict: Verdict
) -> None:
    """One thing at a time, found by the check that is about it; what nobody saw is ERROR."""
    assert judged(seen, told(**changes), hub_lag)[check].verdict is verdict  # type: ignore[attr-defined]


def test_coming_down_is_compared_with_the_first_level() -> None:
    """Twice as slow as before is a ratio of two; a recovery that was not measured is a hole, not a one."""
    back = end_frame(measured(), measured(seconds=0.06))
    assert back["recovery_ratio"][0] == pytest.approx(2, rel=0.02)
    for frame in (end_frame(measured(), None), end_frame(None, measured())):
        assert worst(validate("load_end", frame, {"max_recovery_ratio": 1.25}, EVIDENCE)) is Verdict.ERROR
    assert len(run_percentiles(measured(), 0.5)) == 3


def test_memory_is_a_line_per_agent() -> None:
    """Each agent gets its own growth; one with too few samples has no row, which the gate calls not measured."""
    rows = [{"agent": agent, "t": float(t), "value": 25 + grows * t / 100} for agent, grows in zip(AGENTS, (0, 10), strict=False) for t in range(101)]
    rows += [{"agent": AGENTS[2], "t": 1.0, "value": 25.0}]
    frame = memory_frame(pd.DataFrame(rows)).set_index("agent")
    assert frame["growth_mib"].round(2).to_dict() == {AGENTS[0]: 0, AGENTS[1]: 10}
    found = {finding.check: finding for finding in validate("load_memory", frame.reset_index(), {"max_growth_mib": 8}, EVIDENCE, agents=AGENTS)}
    assert found["load_memory.leak"].verdict is Verdict.FAIL
    assert found["load_memory.leak"].agents == (AGENTS[1],)
    assert found["load_memory.rows"].agents == (AGENTS[2],)
    assert memory_frame(pd.DataFrame({"agent": [], "t": [], "value": []})).empty


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents that have run for an hour."""
    return MemoryWorld()


def watch(world: MemoryWorld) -> Watch:
    """Over them, without a hub."""
    return Watch(world.fleet, world.machines, Sources([]), world.clock.now(), 10)


def test_the_watch_sees_agents_that_do_not_last(world: MemoryWorld) -> None:
    """A crash ends the test, and so does an agent that is down; a restart that somebody asked for and a silent machine leave it unmeasured."""
    eyes = watch(world)
    assert eyes.look(world.clock.now()) is None
    agent = world.all["east/Agent1"]
    agent.process = Process(9000, world.clock.now() + 1, {})
    crashed = eyes.look(world.clock.now() + 2)
    assert crashed is not None
    assert (crashed.ending, crashed.agents) == (Ending.RESTART, ("east/Agent1",))
    world.east.stopped.add("Agent1")
    asked = eyes.look(world.clock.now() + 2)
    assert asked is not None
    assert asked.ending is Ending.SOURCE
    agent.state = ServiceState.FATAL
    down = eyes.look(world.clock.now() + 2)
    assert down is not None
    assert (down.ending, down.agents) == (Ending.RESTART, ("east/Agent1",))
    world.west.unreachable = True
    unseen = eyes.look(world.clock.now() + 2)
    assert unseen is not None
    assert unseen.ending is Ending.SOURCE


def test_lasting_is_told_with_names() -> None:
    """Six of six, or who did not; what could not be watched is ERROR."""
    evidence = Evidence("supervisor", "getAllProcessInfo", 0, 1, 6)
    assert lasted_finding("", (), evidence).verdict is Verdict.PASS
    assert lasted_finding("crashed: east/Agent1", ("east/Agent1",), evidence).verdict is Verdict.FAIL
    assert lasted_finding("nobody answers", (), evidence).verdict is Verdict.ERROR


def test_a_level_is_told_in_a_row() -> None:
    """Figures with units; what was not measured says so; a level that did not hold says why."""
    seen = measured(errors=2)
    frame = agents_frame(told(), seen, AGENTS, 10, 8)
    held = level_report("first", 10, seen, frame, 0.5, [ending_finding(seen)])
    assert (held.held, held.sent, held.errors, held.scrape_success) == (True, 300, {"not a 200": 2}, 1.0)
    assert held.cpu_cores == pytest.approx(0.06)
    broke = level_report("peak", 80, seen, pd.DataFrame(), None, [ending_finding(measured(ending=Ending.LATENCY, reason="slow"))])
    row = levels_table([held, broke]).splitlines()[-1]
    assert "not measured" in row
    assert "slow" in row
    assert "held" not in row.rpartition("| not:")[2]
    assert level_evidence(seen).samples == 300
    holes = frame.assign(cpu_cores=[0.02, float("nan"), 0.02])
    assert level_report("first", 10, seen, holes, 0.5, []).cpu_cores is None
