"""What a baseline is taken from: a whole window that is steady, waited for where the fleet has only just come up."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from prefect.logging import disable_run_logger

from flows import baseline
from flows.day_run import DayRun
from rollout.parameters import DayParameters
from rollout.plan import load_plan
from rollout.verdict import Evidence, Finding, Verdict, worst
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site

PLAN = load_plan(Path(__file__).parents[2] / "plans" / "week3.yaml")
EVIDENCE = Evidence("central", "cpu", 0, 60, 100)


@pytest.fixture
def world() -> MemoryWorld:
    """Six agents."""
    return MemoryWorld()


@pytest.fixture
def run(world: MemoryWorld, tmp_path: Path) -> DayRun:
    """Day 1 on them, without Prefect."""
    with disable_run_logger():
        return DayRun("run-x", PLAN, PLAN.day(1), memory_site(world, tmp_path), DayParameters())


def looking(run: DayRun, monkeypatch: pytest.MonkeyPatch, *, samples: int, steady_after: float) -> tuple[Verdict, float]:
    """The verdict on the window that is taken, and seconds until then. samples: of each metric in every window; steady_after: seconds from now."""
    began = run.site.clock.now()
    rows = [(agent.id, metric.name) for agent in run.agents for metric in run.day.impact for _ in range(samples)]

    def judged(*_: object) -> list[Finding]:
        verdict = Verdict.PASS if run.site.clock.now() - began >= steady_after else Verdict.FAIL
        return [Finding("baseline.steady", verdict, "", "", "", EVIDENCE)]

    monkeypatch.setattr(baseline, "_window", lambda *_: pd.DataFrame(rows, columns=["agent", "metric"]))
    monkeypatch.setattr(baseline, "baseline_frame", lambda *_: pd.DataFrame())
    monkeypatch.setattr(baseline, "_judged", judged)
    with disable_run_logger():
        _, findings = baseline._steady_window(run, run.day)
    return worst(findings), run.site.clock.now() - began


def test_a_steady_fleet_is_not_waited_for(run: DayRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window that ends now."""
    assert looking(run, monkeypatch, samples=100, steady_after=0) == (Verdict.PASS, 0)


def test_a_fleet_that_is_coming_up_is_waited_for(run: DayRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the window is steady, within a few seconds."""
    verdict, seconds = looking(run, monkeypatch, samples=100, steady_after=12)
    assert verdict is Verdict.PASS
    assert 12 <= seconds <= 12 + baseline.PAUSE


@pytest.mark.parametrize("samples", [1, 100])
def test_one_that_never_becomes_steady_is_not_waited_for_for_ever(run: DayRun, monkeypatch: pytest.MonkeyPatch, samples: int) -> None:
    """Nor one whose samples stay few: when the time is over the suite's word stands, and a FAIL is no PASS."""
    verdict, seconds = looking(run, monkeypatch, samples=samples, steady_after=1e9)
    allowed = (run.windows.before + run.windows.settle) * run.site.scrape_interval
    assert verdict is Verdict.FAIL
    assert allowed <= seconds <= allowed + baseline.PAUSE
