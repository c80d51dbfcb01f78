"""The second, small plan: nothing of the house is tied to week 3."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import rollout.checkout
from rollout.document import read_yaml
from rollout.errors import InputError, Refused
from rollout.named_plan import named_plan
from rollout.plan import Bake, Batches, ChangeKind, Criterion, Day, Deadlines, Gate, Plan, Rehearsal, Step
from rollout.plan.plan import plan_of
from rollout.site import load_site
from tests.fleet.test_plan import replaced

ROOT = Path(__file__).parents[2]
FILE = ROOT / "plans" / "config-flag.yaml"
OWN_BLOCKS = {"drill", "load", "optimization"}
"""Blocks of one day each, explained where they stand in plans/week3.yaml."""


@pytest.fixture
def content() -> Any:
    """The plain content of the plan's file."""
    return read_yaml(FILE)


def test_a_flag_carries_its_keys_and_values_in_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site turns what the plan says into a change that would set exactly that."""
    for variable in ("ROLLOUT_SUPERVISOR_USER", "ROLLOUT_SUPERVISOR_PASSWORD"):
        monkeypatch.setenv(variable, "toy")
    day = named_plan("config-flag").day(1)
    assert day.change is ChangeKind.FLAG
    site = load_site(ROOT / "fleets" / "lab-three.yaml", day.deadlines)
    change = site.change(day.change, day.environment)
    assert vars(change)["settings"] == {"REQUEST_LOG": "verbose"}
    with pytest.raises(Refused, match="needs the environment"):
        site.change(ChangeKind.FLAG)


@pytest.mark.parametrize(
    ("path", "value", "key", "reason"),
    [
        ("days.0.environment", {}, "days.0.environment", "stands where the change is a flag"),
        ("days.0.change", "metrics", "days.0.environment", "stands where the change is a flag"),
        ("days.0.environment", {"request_log": "x"}, "days.0.environment.request_log.[key]", "match pattern"),
        ("days.0.environment", {"REQUEST_LOG": 'a"b'}, "days.0.environment.REQUEST_LOG", "match pattern"),
        ("days.0.environment", {"REQUEST_LOG": "50%"}, "days.0.environment.REQUEST_LOG", "match pattern"),
    ],
)
def test_a_flag_that_cannot_be_set_is_refused(content: Any, path: str, value: object, key: str, reason: str) -> None:
    """A flag without keys, keys without a flag, and text that would break a program's file are refused before anything is touched."""
    with pytest.raises(InputError) as caught:
        plan_of(replaced(content, path, value), FILE)
    assert reason in caught.value.reason
    assert caught.value.key == key


def test_a_plan_is_named_as_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger names its plan, so a file under another name would not be found again by settling."""
    (tmp_path / "other.yaml").write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(rollout.checkout, "PLANS", tmp_path)
    with pytest.raises(InputError, match="is config-flag; ledgers and reports name the plan"):
        named_plan("other")


def test_the_annotated_plan_is_a_plan() -> None:
    """The example of docs/plan.md loads, and leaves out no key that a plan may have but the blocks of week 3's own days."""
    page = ROOT / "docs" / "plan.md"
    (text,) = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    plan = plan_of(YAML(typ="safe", pure=True).load(text), page)
    assert [day.change for day in plan.days] == [ChangeKind.METRICS, ChangeKind.FLAG]
    given = set(re.findall(r"(\w+):", text))
    for kind in (Plan, Day, Step, Batches, Bake, Deadlines, Gate, Criterion, Rehearsal):
        names = {field.alias or name for name, field in kind.model_fields.items()}
        assert names - OWN_BLOCKS <= given, (kind.__name__, names - given)
