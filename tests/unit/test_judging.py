"""What a look at a batch asks its sources for."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import flows.judging
from flows.judging import MOST_STEPS, _samples
from rollout.batches import Batch
from rollout.executor import Activation
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of


@pytest.mark.parametrize(("days", "questions"), [(0.0, 1), (3.0, 2)])
def test_a_batch_that_was_held_for_days_can_still_be_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float, questions: int) -> None:
    """The time before the act and the time since the person's word, and not the days in between, which Prometheus refuses to list."""
    site = memory_site(MemoryWorld(), tmp_path)
    run = run_of(site, 1)
    asked: list[tuple[float, float]] = []

    def measure(_site: object, _metrics: object, _agents: object, start: float, end: float, *_: object) -> pd.DataFrame:
        asked.append((start, end))
        return pd.DataFrame({"agent": ["east/Agent0"], "t": [start]})

    monkeypatch.setattr(flows.judging, "measure_impact", measure)
    since = site.clock.now()
    site.clock.sleep(days * 86400 + 60)
    verified = site.clock.now()
    site.clock.sleep(900)
    agents = site.fleet.agents[:2]
    frame = _samples(run, Batch(2, 2, agents), Activation(since, verified, ()))
    assert (len(asked), len(frame)) == (questions, questions)
    assert asked[0][0] < since
    assert asked[-1][1] == site.clock.now()
    assert all((end - start) / site.scrape_interval <= MOST_STEPS for start, end in asked)
