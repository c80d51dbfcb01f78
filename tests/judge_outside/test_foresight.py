"""Power before the start, and quiet data for a calibration."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from rollout.batches import schedule
from rollout.errors import InputError
from rollout.fleet import Agent, Fleet
from rollout.foresight import foresee
from rollout.plan import load_plan
from rollout.quiet import quiet_window
from rollout.whereabouts import newest_baseline
from tests.judge.fleet_frames import POLICY, make_frame

ROOT = Path(__file__).parents[2]
FRAME = make_frame(batch=0)
FLEET = Fleet("thirty", tuple(Agent(name.split("/")[0], "g", name.split("/")[1], 7000, 8000) for name in sorted(FRAME["agent"].unique())))
SCHEDULE = schedule(FLEET.agents, FLEET, 10, 1, 5)


def stored(folder, name, frame, age):
    """A baseline in the report folder of a run."""
    file = folder / name / "samples" / "baseline.parquet"
    file.parent.mkdir(parents=True)
    frame.drop(columns="treated").assign(t=frame["t"] + 1.7e9).to_parquet(file, index=False)
    os.utime(file, (age, age))
    return file


def test_the_newest_baseline_is_taken(tmp_path):
    """By the time it was stored; none where no run stored one."""
    assert newest_baseline(tmp_path) is None
    stored(tmp_path, "a", FRAME, 1000)
    newest = stored(tmp_path, "b", FRAME, 2000)
    stored(tmp_path, "c", FRAME, 1500)
    assert newest_baseline(tmp_path) == newest


def test_power_comes_from_the_two_halves(tmp_path):
    """A noisier baseline resolves less; batch and controls are those of the schedule."""
    calm = foresee(stored(tmp_path, "calm", FRAME, 1), POLICY, SCHEDULE, FLEET)
    wild = foresee(stored(tmp_path, "wild", make_frame(batch=0, wander=0.2), 1), POLICY, SCHEDULE, FLEET)
    assert (calm.samples, calm.treated, calm.controls) == (60, 10, 11)  # batches of 10, 9 and 10 have 19, 10 and 11 controls
    assert [power.metric for power in calm.powers] == ["latency", "errors"]
    assert calm.powers[0].resolves
    assert not wild.powers[0].resolves
    assert "cannot resolve" in wild.powers[0].sentence


@pytest.mark.parametrize(
    ("frame", "reason"),
    [(FRAME[FRAME["t"].between(0, 80)], "in each half"), (FRAME[:0], "holds no samples"), (FRAME.drop(columns="machine"), "machine: is missing")],
)
def test_what_is_no_baseline_is_refused(tmp_path, frame, reason):
    """Too short, empty, or of other columns."""
    with pytest.raises(InputError, match=reason):
        foresee(stored(tmp_path, "bad", frame, 1), POLICY, SCHEDULE, FLEET)


class OneRestarted:
    """A source that knows two agents, one of which restarted."""

    name = "central"

    def __init__(self, changes):
        self.changes = changes

    def now(self, query):
        """Start times that changed, over the window that was asked for."""
        assert query.endswith("[60s]))")
        return pd.DataFrame(self.changes)

    def window(self, query, start, end, step):
        """One sample of each agent."""
        agents = ["mainpc/ServiceRegistry", "mainpc/SystemDigitalTwin"]
        return pd.DataFrame({"agent": agents, "machine": "mainpc", "t": [start + 1, start + 1], "value": [1.0, 2.0]})


def test_restarted_agents_are_not_quiet():
    """Who restarted inside the window is left out and named; where no start times are known, that is said."""
    day = load_plan(ROOT / "plans" / "week3.yaml").day(1)
    fleet = Fleet("two", (Agent("mainpc", "g", "ServiceRegistry", 1, 2), Agent("mainpc", "g", "SystemDigitalTwin", 3, 4)))
    changes = [{"machine": "mainpc", "agent": "ServiceRegistry", "value": 1.0}, {"machine": "mainpc", "agent": "SystemDigitalTwin", "value": 0.0}]
    quiet = quiet_window(OneRestarted(changes), day, fleet, (1000.0, 1060.0), 15.0, 60.0)
    assert quiet.restarted == ("mainpc/ServiceRegistry",)
    assert set(quiet.frame["agent"]) == {"mainpc/SystemDigitalTwin"}
    assert set(quiet.frame["t"]) == {1.0}
    assert not quiet.frame["treated"].any()
    assert quiet_window(OneRestarted([]), day, fleet, (1000.0, 1060.0), 15.0, 60.0).restarted is None
