"""Back at the baseline: what may be said of a fleet after a rollback, and of whom."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import rollout.confirmation
from rollout.confirmation import LATENCY, _compared, confirm
from rollout.executor import Reversal
from rollout.named_plan import named_plan
from rollout.observe.prometheus import Sources
from rollout.verdict import Verdict
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site

ALLOWED = 0.25


def latencies(**of: float) -> pd.DataFrame:
    """One sample of each agent."""
    return pd.DataFrame({"agent": list(of), "metric": LATENCY, "value": list(of.values())})


@pytest.mark.parametrize(
    ("before", "after", "verdict", "said"),
    [
        ({"A": 1.0, "B": 2.0}, {"A": 1.1, "B": 2.0}, Verdict.PASS, r"median latency of 2 \+5\.0%"),
        ({"A": 1.0, "B": 2.0}, {"A": 2.0, "B": 4.0}, Verdict.FAIL, r"\+100\.0%"),
        ({"A": 1.0, "B": 2.0}, {"A": 1.0}, Verdict.INCONCLUSIVE, "no latency sample has arrived of B"),
        ({"A": 1.0}, {"A": 1.0, "B": 2.0}, Verdict.ERROR, "the baseline has no latency of B"),
        ({"A": 1.0, "B": 2.0, "C": 9.0}, {"A": 1.0, "B": 2.0, "C": 1.0}, Verdict.PASS, r"of 2 \+0\.0%"),
    ],
)
def test_all_who_serve_work_speak_or_nobody_does(before: dict[str, float], after: dict[str, float], verdict: Verdict, said: str) -> None:
    """One agent that is missing after the rollback is waited for, one that the baseline lacks cannot be compared; others do not speak for them."""
    seen, sentence = _compared(latencies(**before), latencies(**after), {"A", "B"}, ALLOWED)
    assert seen is verdict
    assert re.search(said, sentence)


def test_a_fleet_that_serves_nobody_has_no_latency() -> None:
    """Hubs alone: not measured, instead of a median of nothing."""
    assert _compared(latencies(A=1.0), latencies(A=1.0), (), ALLOWED)[0] is Verdict.ERROR


@pytest.mark.parametrize(("took", "looks_for", "verdict"), [(10.0, 1.0, Verdict.PASS), (10.0, 130.0, Verdict.FAIL), (130.0, 1.0, Verdict.FAIL)])
def test_back_and_normal_too_late_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took: float, looks_for: float, verdict: Verdict
) -> None:
    """Whether restoring took longer than the plan's two minutes or the look that finds all normal: D1.R is not met by it, and the time is told.

    took, looks_for: seconds of the restarts, and of one look at the latency.
    """
    world, day = MemoryWorld(), named_plan("week3").day(1)
    site = memory_site(world, tmp_path)
    names = [agent.id for agent in site.fleet.agents]
    began = world.clock.now()
    world.clock.sleep(took)

    def measured(*_: object) -> pd.DataFrame:
        world.clock.sleep(looks_for)
        return latencies(**dict.fromkeys(names, 1.0))

    monkeypatch.setattr(rollout.confirmation, "impact_samples", measured)
    monkeypatch.setattr(Sources, "usable", lambda _sources: None)
    found = confirm(site, day, latencies(**dict.fromkeys(names, 1.0)), Reversal(began, world.clock.now(), tuple(names)))
    assert found is not None
    assert (found.finding.verdict, found.finding.bound) == (verdict, "<= 120 s")
    assert f"restored in {took:.1f} s" in found.finding.observed
    assert (found.seconds is not None) is (took < 120)
