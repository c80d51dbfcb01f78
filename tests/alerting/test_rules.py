"""The rule files are what the plan renders, and they fire: promtool is asked, since a rule that loads may still never fire."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from lab.binaries import find
from rollout.alerting.rules import levels, rule_files
from rollout.document import read_yaml
from rollout.plan import load_plan

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "alerts"
PLAN = load_plan(ROOT / "plans" / "week3.yaml")


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """`promtool WORDS`."""
    return subprocess.run([find("promtool"), *words], capture_output=True, text=True, timeout=300, check=False)


def test_the_committed_files_are_what_the_plan_renders() -> None:
    """Nobody edits them by hand, and a changed number of the plan reaches them."""
    assert {file.name: file.read_text(encoding="utf-8") for file in ALERTS.glob("*.yaml")} == rule_files(PLAN)


@pytest.mark.parametrize("name", ["levels", "escalation"])
def test_each_rule_fires_and_ends_as_its_test_says(name: str) -> None:
    """Promtool plays the committed series against the committed rules."""
    played = promtool("test", "rules", ALERTS / "tests" / f"{name}.yaml")
    assert played.returncode == 0, played.stdout + played.stderr


def test_every_alert_has_a_test() -> None:
    """No alert is written that no test ever saw fire."""
    files = [read_yaml(file) for file in ALERTS.glob("*.yaml")]
    alerts = {rule["alert"] for file in files for group in file["groups"] for rule in group["rules"] if "alert" in rule}
    fired = {
        case["alertname"]
        for file in (ALERTS / "tests").glob("*.yaml")
        for test in read_yaml(file)["tests"]
        for case in test.get("alert_rule_test", ())
        if case["exp_alerts"]
    }
    assert fired == alerts


def test_an_anchor_passes_the_check_and_fails_the_test(tmp_path: Path) -> None:
    """The trap: with the expression behind an alias promtool finds nothing wrong, and no tier but the first ever fires. Our files hold no alias."""
    text = (ALERTS / "escalation.yaml").read_text(encoding="utf-8")
    first, *others = re.findall(r"expr: (.*)", text)
    trapped = text.replace(f"expr: {first}", f'expr: &open "{first}"')
    for other in others:
        trapped = trapped.replace(f"expr: {other}", "expr: *open")
    (tmp_path / "tests").mkdir()
    (tmp_path / "escalation.yaml").write_text(trapped, encoding="utf-8")
    (tmp_path / "tests" / "escalation.yaml").write_text((ALERTS / "tests" / "escalation.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert promtool("check", "rules", tmp_path / "escalation.yaml").returncode == 0
    assert promtool("test", "rules", tmp_path / "tests" / "escalation.yaml").returncode != 0
    assert not [line for text in rule_files(PLAN).values() for line in text.splitlines() if re.search(r":\s+[&*]\w", line)]


def test_a_rehearsal_compresses_the_tiers_and_nothing_else() -> None:
    """At the lab's pace of 30 L4 comes after one minute; how long a level must stand is not compressed."""
    rehearsed = PLAN.for_site("lab")
    assert re.findall(r">= (\S+)", rule_files(rehearsed)["escalation.yaml"]) == ["0", "10", "30", "60"]
    assert levels(rehearsed) == levels(PLAN)
