"""The plan of week 3: what it says, that it agrees with what it cites, and which plans are refused."""

from __future__ import annotations

import csv
import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from rollout.batches import schedule
from rollout.document import read_yaml
from rollout.errors import InputError, Refused
from rollout.fleet import load_fleet
from rollout.plan import Plan, RollbackScope, load_plan, plan_schema
from rollout.plan.plan import plan_of
from rollout.plan.possible import longest_batch

ROOT = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures"
WEEK3 = ROOT / "plans" / "week3.yaml"
HEADING = re.compile(r"^\d\. \*\*(?P<title>[^(]+) \((?:Day \d )?(?P<begins>\d{4})-(?P<ends>\d{4})\)\*\*$")


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The plan as production reads it."""
    return load_plan(WEEK3)


@pytest.fixture(scope="module")
def cited() -> list[str]:
    """The lines of the document that the plan cites; line 1 stands at index 1."""
    return ["", *(FIXTURES / "plan.md").read_text(encoding="utf-8").split("\n")]


def line_of(source: str) -> int:
    """The line number of a citation of plan.md."""
    document, line = source.split(":")
    assert document == "plan.md"
    return int(line)


def test_all_69_criteria_word_for_word(plan: Plan) -> None:
    """The criteria are the agreed table: ids in order, parts, kinds, statements and bounds."""
    rows = list(csv.DictReader((FIXTURES / "plan-criteria.csv").read_text(encoding="utf-8").splitlines()))
    assert len(plan.criteria) == 69
    assert [(c.id, c.part, c.kind, c.statement, c.bound) for c in plan.criteria] == [tuple(row.values()) for row in rows]


def test_every_criterion_cites_a_line_that_speaks_of_it(plan: Plan, cited: list[str]) -> None:
    """A citation leads to a list item, a numbered item or a commented command, below the heading of the criterion's day, never to an empty line."""
    for criterion in plan.criteria:
        line = line_of(criterion.source)
        assert re.match(r"^(- |\d\. |# |#### \*\*ALERT)", cited[line]), (criterion.id, cited[line])
        heading = next((re.search(r"\*\*DAY (\d)(?:-(\d))?:", text) for text in reversed(cited[:line]) if text.startswith("#### **DAY")), None)
        if re.match(r"D[1-7]\.\d", criterion.id):
            assert heading is not None
            assert criterion.id[1] in heading.groups(), criterion.id


def test_steps_have_the_titles_and_hours_of_the_document(plan: Plan, cited: list[str]) -> None:
    """Each step of days 1 to 7 stands in the document with these hours, and none is missing."""
    steps = [step for day in plan.days if day.day for step in day.steps]
    for step in steps:
        heading = HEADING.match(cited[line_of(step.source)])
        assert heading is not None, step.title
        assert (step.begins, step.ends) != (None, None)
        assert f"{step.begins:%H%M}-{step.ends:%H%M}" == f"{heading['begins']}-{heading['ends']}"
    assert {line_of(step.source) for step in steps} == {number for number, text in enumerate(cited) if HEADING.match(text)}


def test_day_1_in_numbers(plan: Plan) -> None:
    """Ten agents each 15 minutes, canary of one, looks at 6, 9, 12 and 15 minutes, rollback of the day in two minutes."""
    day = plan.day(1)
    assert day.batches is not None
    assert day.bake is not None
    assert (day.batches.size, day.batches.interval, day.batches.canary, day.batches.neighbours) == (10, 900, 1, 5)
    assert [(day.bake.settle + look) * plan.scrape_interval / 60 for look in day.bake.looks] == [6, 9, 12, 15]
    assert (day.deadlines.rollback, plan.day(2).deadlines.rollback, plan.day(4).deadlines.rollback) == (120, 180, 300)
    assert {gate.rollback_scope for gate in day.gates} == {RollbackScope.DAY}
    assert not any(metric.shadow for metric in day.impact)
    assert day.soak == 7200


def test_the_hours_hold_the_batches_that_are_really_cut(plan: Plan) -> None:
    """The check of the hours counts the same batches as the schedule makes."""
    fleet = load_fleet(ROOT / "fleets" / "week3.yaml")
    day = plan.day(1)
    assert day.batches is not None
    made = schedule(fleet.select(day.selector), fleet, day.batches.size, day.batches.canary, day.batches.neighbours)
    assert len(made.batches) * longest_batch(day, plan.scrape_interval) <= (day.step(day.batches.step).seconds or 0)


@pytest.mark.parametrize("site", ["lab", "six"])
def test_a_rehearsal_declares_all_that_it_changes(plan: Plan, site: str) -> None:
    """What differs from production is listed line by line, and deadlines never do."""
    rehearsed = plan.for_site(site)
    here, there = rehearsed.day(1), plan.day(1)
    lines = rehearsed.differences(1)
    assert rehearsed.overlay == site
    assert lines[0] == f"pace {rehearsed.pace:g} instead of 1"
    assert here.bake is not None
    assert any(line.startswith("bake.settle ") for line in lines)
    assert here.deadlines == there.deadlines
    assert not any("deadline" in line for line in lines)
    assert plan.differences(1) == ()
    assert plan.pace == 1


def test_the_lab_has_the_bounds_that_its_noise_allows(plan: Plan) -> None:
    """Latency and CPU 5/10 %, memory 5 % or 8 MiB, errors half a point and a point, windows 30/8/22, one extension of 22."""
    day = plan.for_site("lab").day(1)
    assert {m.name: (m.form.value, m.bound, m.proceed_bound, m.relative_bound) for m in day.impact} == {
        "latency": ("relative", 0.05, 0.10, 0),
        "cpu": ("relative", 0.05, 0.10, 0),
        "memory": ("absolute", 8, 16, 0.05),
        "errors": ("absolute", 0.005, 0.01, 0),
    }
    assert day.bake is not None
    assert (day.bake.before, day.bake.settle, day.bake.after, day.bake.looks, day.bake.extensions) == (30, 8, 22, (11, 17, 22), (22,))
    assert (day.soak, day.source_budget) == (60, 20)


def test_six_agents_in_twos_without_neighbours(plan: Plan) -> None:
    """The small rehearsal has no controls, so no impact metric votes."""
    day = plan.for_site("six").day(1)
    assert day.batches is not None
    assert (day.batches.size, day.batches.neighbours, day.batches.interval) == (2, 0, 900)
    assert (day.soak, day.source_budget) == (10, 10)
    fleet = load_fleet(ROOT / "fleets" / "six.yaml")
    made = schedule(fleet.select(day.selector), fleet, day.batches.size, day.batches.canary, day.batches.neighbours)
    assert [len(batch.agents) for batch in made.batches] == [1, 2, 1, 2]


def test_six_agents_judge_no_impact_even_though_production_does(plan: Plan) -> None:
    """The small rehearsal takes every impact metric's vote; the lab of 77 leaves it."""
    assert not any(metric.shadow for metric in plan.for_site("lab").day(1).impact)
    assert all(metric.shadow for metric in plan.for_site("six").day(1).impact)


def test_the_optimization_days_in_numbers(plan: Plan) -> None:
    """25 by 5 and 47 by 8 each 45 minutes, more than 40 % and over the system 50 %, five starts a side, an agent that fails goes back alone."""
    for number, size, count, system in ((3, 5, 25, None), (4, 8, 47, 0.5)):
        day = plan.day(number)
        assert day.batches is not None
        assert day.optimization is not None
        assert (day.batches.size, day.count, day.batches.interval) == (size, count, 2700)
        assert (day.optimization.claim, day.optimization.system_claim, day.optimization.shadows.starts) == (0.4, system, 5)
        assert {gate.rollback_scope for gate in day.gates if gate.suite in {"feature", "regression", "impact"}} == {RollbackScope.AGENT}
        assert day.gate("improvement_confirmed").bounds["max_remaining_share"] == pytest.approx(1 - day.optimization.claim)
        assert day.gate("regression").bounds["min_requests"] == day.optimization.contract.requests
        assert day.impact == plan.day(1).impact
    assert plan.day(3).optimization.contract.paths[:2] == ("/work?x=1", "/work?x=2")  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [3, 4])
def test_one_agent_of_any_batch_may_go_back_alone(plan: Plan, number: int) -> None:
    """Also of a batch that came out smaller than planned, since batches are made equal; the canary is one alone and stops the day."""
    fleet = load_fleet(ROOT / "fleets" / "week3.yaml")
    day = plan.day(number)
    assert day.batches is not None
    assert day.failure_budget is not None
    agents = fleet.select(day.selector)[: day.count]
    made = schedule(agents, fleet, day.batches.size, day.batches.canary, day.batches.neighbours)
    allowed = [not day.failure_budget.per_batch.exceeded(1, len(batch.agents)) for batch in made.batches]
    assert allowed == [False] + [True] * (len(made.batches) - 1)
    assert day.failure_budget.per_batch.exceeded(2, day.batches.size)


def test_a_rehearsal_may_replace_numbers_of_one_day(plan: Plan) -> None:
    """Six agents are optimised three a day; day 1 keeps its own budget, and the report lists what was replaced."""
    six = plan.for_site("six")
    assert [six.day(number).count for number in (3, 4)] == [3, 3]
    assert six.day(1).failure_budget == plan.day(1).failure_budget
    assert any(line.startswith("failure_budget.per_batch.percent 100 instead of 25") for line in six.differences(3))


def test_pace_compresses_intervals_down_to_the_bake(plan: Plan) -> None:
    """An interval is never shorter than the bake that must fit into it."""
    day = plan.day(1)
    assert day.spacing(1, 15) == 900
    assert day.spacing(2, 1) == 450
    assert day.spacing(1000, 1) == 60
    with pytest.raises(Refused, match="no batches"):
        plan.day(6).spacing(1, 15)


def test_unknown_names_are_refused(plan: Plan) -> None:
    """A flow that asks for what the plan does not have stops with the names that it has."""
    with pytest.raises(Refused, match="no day 9"):
        plan.day(9)
    with pytest.raises(Refused, match="no step 'Lunch'; it has 'Current state validation'"):
        plan.day(1).step("Lunch")
    with pytest.raises(Refused, match="no gate 'impct'"):
        plan.day(1).gate("impct")
    with pytest.raises(Refused, match=r"no criterion D9\.9"):
        plan.criterion("D9.9")
    with pytest.raises(Refused, match="declares no rehearsal 'moon'; it declares lab, six"):
        plan.for_site("moon")
    with pytest.raises(Refused, match="rehearsed as lab already"):
        plan.for_site("lab").for_site("six")
    assert plan.for_site(None) is plan


def test_queries_are_filled_in(plan: Plan) -> None:
    """$rate and $selector are the only holes in a template."""
    errors = next(metric for metric in plan.day(1).impact if metric.name == "errors")
    assert errors.promql('agent=~"A|B"', "60s").startswith(
        'sum by (machine, agent) (max without (scraped_by) (rate(load_errors_total{agent=~"A|B"}[60s]))) / '
    )
    assert (
        errors.weight_promql('agent="A"', "4s") == 'sum by (machine, agent) (max without (scraped_by) (increase(load_requests_total{agent="A"}[4s])))'
    )
    assert "$" not in "".join(metric.promql("", "1s") for metric in plan.day(1).impact)


def test_each_gate_has_every_bound_that_its_suite_asks_for(plan: Plan) -> None:
    """A number renamed on one side only would leave a check without its bound."""
    for day in plan.days:
        for gate in day.gates:
            suite = (ROOT / "expectations" / f"{gate.suite}.json").read_text(encoding="utf-8")
            assert set(re.findall(r'"\$PARAMETER":\s*"(\w+)"', suite)) <= set(gate.bounds), gate.name


def test_the_schema_for_editors_is_up_to_date() -> None:
    """schemas/plan.schema.json is what the models say; after a change write it again with plan_schema()."""
    stored = json.loads((ROOT / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))
    assert stored == plan_schema()


@pytest.fixture(scope="module")
def content() -> Any:
    """The plain content of the plan's file."""
    return read_yaml(WEEK3)


def replaced(content: Any, path: str, value: object) -> Any:
    """A copy with one value replaced; path is dotted, numbers index lists, + appends a copy of the element with that number."""
    copied = deepcopy(content)
    place = copied
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    if last == "+":
        place.append(place[value])
    else:
        place[last] = value
    return copied


@pytest.mark.parametrize(
    ("path", "value", "key", "reason"),
    [
        ("days.1.batches.interval", "25min", "days.1.batches", "9 batches with one extension each take 261 min"),
        ("days.1.bake.extensions", [40], "days.1.batches", "234 min, 'Prometheus exporter activation' has 180 min"),
        ("days.1.deadlines.act", "5min", "days.1.batches", "take 220.5 min"),
        ("days.3.count", 26, "days", "26 + 47 != 72 agents that are not optimised (77 - 5)"),
        ("optimised_earlier", 4, "days", "25 + 47 != 73"),
        ("days.3.optimization", None, "days.3.optimization", "says how it ranks and what it has to prove"),
        ("days.3.optimization.shadows.starts", 4, "days.3.optimization.shadows.starts", "greater than or equal to 5"),
        ("days.3.optimization.contract.path", "/work", "days.3.optimization.contract.path", "a path such as /work?x=$n"),
        ("days.3.count", None, "days.3.count", "says how many"),
        ("days.1.batches.step", "Lunch", "days.1.batches.step", "unknown step 'Lunch'"),
        ("days.1.gates.+", 0, "days.1.gates", "ready stands here 2 times"),
        ("days.1.steps.+", 0, "days.1.steps", "Current state validation stands here 2 times"),
        ("days.1.impact.+", 0, "days.1.impact", "latency stands here 2 times"),
        ("days.+", 0, "days", "0 stands here 2 times"),
        ("criteria.+", 0, "criteria", "D0.1 stands here 2 times"),
        ("criteria.0.day", 9, "criteria.0.day", "D0.1: the plan has no day 9"),
        ("days.1.needs", ["D0.9"], "days.1.needs", "unknown criterion D0.9"),
        ("days.1.needs", ["D1.1"], "days.1.needs", "D1.1 is not measured before day 1"),
        ("days.1.bake.looks", [8, 8, 44], "days.1.bake.looks", "looks must ascend"),
        ("days.1.bake.looks", [8, 60], "days.1.bake", "the last look, 60, is not the end of the window, 44"),
        ("days.1.bake.rate", 17, "days.1.bake", "reaches back over the restart"),
        ("days.1.bake", None, "days.1.bake", "a day with batches needs it"),
        ("days.1.failure_budget", None, "days.1.failure_budget", "a day with batches needs it"),
        ("days.1.recovery", None, "days.1.recovery", "a day with batches needs it"),
        ("days.1.failure_budget.per_batch.percent", 101, "days.1.failure_budget", "between 0 and 100"),
        ("days.1.lunch", "12:00", "days.1.lunch", "unknown key"),
        ("days.1.steps.0.from", "9 o'clock", "days.1.steps.0.from", "not an hour such as 09:00"),
        ("days.1.steps.0.to", "07:00", "days.1.steps.0", "ends before it begins"),
        ("days.1.steps.0.to", None, "days.1.steps.0", "from and to stand together"),
        ("days.1.steps.0.source", "somewhere", "days.1.steps.0.source", "match pattern"),
        ("days.1.soak", "2 hours", "days.1.soak", "not a duration such as 90s, 15min or 2h"),
        ("days.1.soak", -5, "days.1.soak", "greater than 0"),
        ("days.1.change", "magic", "days.1.change", "'metrics'"),
        ("days.1.gates.0.rollback_scope", "world", "days.1.gates.0.rollback_scope", "'day'"),
        ("days.1.impact.0.query", "up", "days.1.impact.0.query", "without $selector"),
        ("days.1.impact.0.query", "up{$selector} + $other", "days.1.impact.0.query", "only $rate and $selector"),
        ("days.1.impact.0.bound", 0.2, "days.1.impact.0", "bound 0.2 is above proceed_bound 0.05"),
        ("days.1.impact.0.bound", float("nan"), "days.1.impact.0.bound", "finite number"),
        ("days.1.impact.0.relative_bound", 0.1, "days.1.impact.0", "belongs to the absolute form"),
        ("days.1.selector", {}, "days.1.selector", "either all: true alone"),
        ("timezone", "Mars/Olympus", "timezone", "no time zone"),
        ("escalation.1.after", 6, "escalation.1", "L2 does not begin where the tier before it ends"),
        ("escalation.3.before", 60, "escalation", "the last tier has no end"),
        ("rehearsals.lab.impact", {"latncy": {"bound": 1}}, "rehearsals.lab.impact", "unknown metric latncy"),
        ("rehearsals.lab.impact", {"latency": {"bound": 1}}, "rehearsals.lab.impact", "bound 1.0 is above proceed_bound 0.05"),
        ("rehearsals.six.shadow", ["latncy"], "rehearsals.six.shadow", "unknown metric latncy"),
        ("rehearsals.lab.gates", {"colection": {"min_scrapes": 1}}, "rehearsals.lab.gates.colection", "has a bound min_scrapes"),
        ("rehearsals.lab.gates", {"collection": {"min_scraps": 1}}, "rehearsals.lab.gates.collection", "has a bound min_scraps"),
        ("rehearsals.lab.deadlines", {"rollback": "1h"}, "rehearsals.lab.deadlines", "unknown key"),
        ("rehearsals.lab.pace", 0.5, "rehearsals.lab.pace", "greater than or equal to 1"),
    ],
)
def test_impossible_plans_are_refused(content: Any, path: str, value: object, key: str, reason: str) -> None:
    """Every plan that cannot be carried out is refused with the key and the reason, before anything is touched."""
    with pytest.raises(InputError) as caught:
        plan_of(replaced(content, path, value), Path("plan.yaml"))
    assert reason in caught.value.reason
    assert caught.value.key == key
    assert caught.value.file == "plan.yaml"


def test_the_plan_cannot_be_changed_after_loading(plan: Plan) -> None:
    """Nothing downstream changes a number."""
    with pytest.raises(ValueError, match="frozen"):
        plan.day(1).deadlines.rollback = 1.0  # type: ignore[misc]
