"""Every criterion of a plan can be measured by what it names, or waits for a day that is not built."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.days import is_built
from rollout.checkpoints import CHECKPOINT_OF
from rollout.named_plan import named_plan
from rollout.plan import Criterion, WeekRule
from rollout.rehearsals import CITED_BY
from rollout.week_rules import RULES

ROOT = Path(__file__).parents[2]
AWAITED = {"P.8": 5, "D2.R": 2, "E2": 2, "D3.R": 3, "D4.R": 4, "E3": 4, "L.1": 5, "L.2": 5, "L.3": 5, "L.4": 5}
"""Criteria that are measured by what a later day brings: such a gap is known until that day is built, and no longer."""


def kept_gates() -> set[str]:
    """The gates that some flow hands its findings to, as the code says it: `keep("...")`, `require("...")`."""
    names: set[str] = set()
    for file in sorted((ROOT / "flows").glob("*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        assigned = [node for node in nodes if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
        constants = {getattr(target, "id", ""): str(node.value.value) for node in assigned for target in node.targets}
        for node in nodes:
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("keep", "require") and node.args:
                first = node.args[0]
                names.add(str(first.value) if isinstance(first, ast.Constant) else constants.get(getattr(first, "id", ""), ""))
    return names | {"scoreboard"}


def checks_of(gate: str) -> set[str] | None:
    """The checks of the suite of that name; None where the gate is judged by code of ours and not by a suite."""
    file = ROOT / "expectations" / f"{gate}.json"
    if not file.exists():
        return None
    return {expectation["meta"]["id"] for expectation in json.loads(file.read_text(encoding="utf-8"))["expectations"]}


def can_measure(criterion: Criterion, gates: set[str]) -> bool:
    """Whether what the criterion names exists."""
    if criterion.rule is WeekRule.CHECKPOINTS:
        return criterion.id in CHECKPOINT_OF
    if criterion.rule is WeekRule.REHEARSALS or criterion.measured_by == "record of rehearsals":
        return criterion.id in CITED_BY
    if criterion.rule is not None:
        return criterion.rule in RULES
    gate, _, check = criterion.measured_by.partition(".")
    checks = checks_of(gate)
    return gate in gates and (not check or checks is None or criterion.measured_by in checks)


def gaps(plan: str) -> Iterator[str]:
    """Criteria that nothing measures and no day that is not built excuses."""
    loaded = named_plan(plan)
    gates = kept_gates()
    unbuilt = {day.day for day in loaded.days if not is_built(day)}
    for criterion in loaded.criteria:
        waits_for = AWAITED.get(criterion.id, criterion.day)
        if not can_measure(criterion, gates) and waits_for not in unbuilt:
            yield f"{criterion.id} by {criterion.measured_by}"


@pytest.mark.parametrize("plan", ["config-flag", "week3"])
def test_every_criterion_can_be_measured(plan: str) -> None:
    """A criterion that names a gate, a check or a rule that does not exist would be NOT MEASURED for ever, and nobody would know why."""
    assert list(gaps(plan)) == []


def test_every_rule_has_its_function() -> None:
    """A rule that a plan may name is a function, and no function is without a name."""
    assert set(RULES) == set(WeekRule)


def test_a_name_that_nothing_bears_is_a_gap() -> None:
    """The test above can fail: a gate, a check and a record that do not exist are found."""
    gates = kept_gates()
    one = named_plan("week3").criterion("D1.5")
    assert can_measure(one, gates)
    for wrong in ("colection.target", "collection.targt", "record of rehearsals"):
        assert not can_measure(one.model_copy(update={"measured_by": wrong}), gates)
