"""Criterion P.2: a pattern counts as ready for scaling by what was seen of it, not by being named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.checkout import PLANS, plan_file
from rollout.errors import InputError
from rollout.patterns import load_patterns
from rollout.plan import load_plan
from rollout.verdict import Verdict
from tasks.checklist import check_patterns
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site

REGISTRY = PLANS / "patterns.yaml"


def verdict(tmp_path: Path, text: str, *applied: str) -> Verdict:
    """What the check says with that registry."""
    file = tmp_path / "patterns.yaml"
    file.write_text(text, encoding="utf-8")
    (finding,) = check_patterns.fn(memory_site(MemoryWorld(), tmp_path), applied, file)
    return finding.verdict


def test_what_the_plan_applies_has_evidence_and_a_document(tmp_path: Path) -> None:
    """The registry of this checkout holds for the plan of week 3."""
    text = REGISTRY.read_text(encoding="utf-8")
    applied = load_plan(plan_file("week3")).patterns
    assert applied
    assert verdict(tmp_path, text, *applied) is Verdict.PASS


def test_a_claim_is_no_evidence(tmp_path: Path) -> None:
    """Without anything seen, without its document, or unknown, a pattern fails; a plan without patterns is not measured."""
    text = REGISTRY.read_text(encoding="utf-8")
    name = load_patterns(REGISTRY)[0].name
    assert verdict(tmp_path, text[: text.index("    seen:")], name) is Verdict.FAIL
    assert verdict(tmp_path, text.replace("docs/lazyload.md", "docs/nowhere.md"), name) is Verdict.FAIL
    assert verdict(tmp_path, text, "another_pattern") is Verdict.FAIL
    assert verdict(tmp_path, text) is Verdict.ERROR


def test_a_broken_registry_is_named(tmp_path: Path) -> None:
    """File, key and reason; the check fails with them."""
    file = tmp_path / "patterns.yaml"
    file.write_text("patterns: [{name: x}]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"patterns\.0\.title"):
        load_patterns(file)
    assert verdict(tmp_path, file.read_text(encoding="utf-8"), "x") is Verdict.FAIL
