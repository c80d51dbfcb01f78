"""What counts as a whole and valid /metrics answer."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from rollout.observe.exposition import read_exposition


def exposition() -> str:
    """As prometheus_client writes it."""
    registry = CollectorRegistry()
    Counter("requests", "Requests.", registry=registry).inc()
    Histogram("seconds", "Seconds.", registry=registry).observe(0.2)
    return generate_latest(registry).decode()


def test_what_prometheus_client_writes_is_valid() -> None:
    """Its families are counted, the creation times among them."""
    read = read_exposition(exposition())
    assert read.valid
    assert read.families >= 2


@pytest.mark.parametrize("lines", range(1, 8))
def test_a_text_cut_anywhere_inside_its_histogram_is_invalid(lines: int) -> None:
    """At a line's end or inside a line: a half answer is none."""
    whole = exposition()
    head, histogram = whole[: whole.index("# HELP seconds ")], whole[whole.index("# HELP seconds ") :].splitlines(keepends=True)
    cut = head + "".join(histogram[: lines + 2])
    assert not read_exposition(cut).valid
    assert not read_exposition(cut + histogram[lines + 2][:-1]).valid


def test_a_half_number_is_no_number() -> None:
    """The parser would read 12 of 1234; the missing line feed tells."""
    assert "cut off" in read_exposition("a_total 12").defect


@pytest.mark.parametrize("text", ["<html>\n", "a{status= 12\n", "a 1 2 3 x\n", "a{b=c} 1\n", "a one\n"])
def test_what_is_no_exposition_says_so(text: str) -> None:
    """It never raises: an agent's bad answer is an observation."""
    read = read_exposition(text)
    assert not read.valid
    assert read.defect


@pytest.mark.parametrize("text", ["\n", "# just a comment\n"])
def test_an_answer_without_a_family_is_not_valid(text: str) -> None:
    """Nothing measured is not all well."""
    assert read_exposition(text).defect == "no metric family"


def test_a_counter_that_is_not_a_number_is_invalid() -> None:
    """A gauge may be NaN, a count may not."""
    assert read_exposition("# TYPE a gauge\na NaN\n").valid
    assert "NaN" in read_exposition("# TYPE a counter\na_total NaN\n").defect
