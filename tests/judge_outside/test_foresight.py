"""Power before the start, and quiet data for a calibration."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rollout.batches import schedule
from rollout.errors import InputError
from rollout.fleet import Agent, Fleet
from rollout.foresight import SPREADS, foresee, newest_spreads, write_spreads
from rollout.judge.quiet import baseline_spreads, plan_power
from rollout.plan import load_plan
from rollout.quiet import quiet_window
from rollout.whereabouts import baselines
from tests.judge.fleet_frames import POLICY, make_frame

ROOT = Path(__file__).parents[2]
FRAME = make_frame(batch=0)
FLEET = Fleet("thirty", tuple(Agent(name.split("/")[0], "g", name.split("/")[1], 7000, 8000) for name in sorted(FRAME["agent"].unique())))
SCHEDULE = schedule(FLEET.agents, FLEET, 10, 1, 5)


def stored(folder, name, frame, age):
    """A baseline and its spreads in the report folder of a run, as a day stores them; returns the file of the spreads."""
    report = folder / name
    baseline = report / "samples" / "baseline.parquet"
    baseline.parent.mkdir(parents=True)
    quiet = frame.drop(columns="treated").assign(t=frame["t"] + 1.7e9)
    quiet.to_parquet(baseline, index=False)
    write_spreads(report, baseline_spreads(quiet, POLICY))
    for file in (baseline, report / SPREADS):
        os.utime(file, (age, age))
    return report / SPREADS


def test_the_newest_is_taken(tmp_path):
    """Of baselines and of their spreads the one stored last; none where no run stored one."""
    assert (baselines(tmp_path), newest_spreads(tmp_path)) == ([], None)
    stored(tmp_path, "a", FRAME, 1000)
    newest = stored(tmp_path, "b", FRAME, 2000)
    stored(tmp_path, "c", FRAME, 1500)
    assert newest_spreads(tmp_path) == newest
    assert baselines(tmp_path)[0] == newest.with_name("baseline.parquet")


def test_power_comes_from_the_two_halves(tmp_path):
    """A noisier baseline resolves less; batch and controls are those of the schedule."""
    calm = foresee(stored(tmp_path, "calm", FRAME, 1), POLICY, SCHEDULE, FLEET)
    wild = foresee(stored(tmp_path, "wild", make_frame(batch=0, wander=0.2), 1), POLICY, SCHEDULE, FLEET)
    assert (calm.samples, calm.treated, calm.controls) == (60, 10, 11)  # batches of 10, 9 and 10 have 19, 10 and 11 controls
    assert [power.metric for power in calm.powers] == ["latency", "errors"]
    assert calm.powers[0].resolves
    assert not wild.powers[0].resolves
    assert "cannot resolve" in wild.powers[0].sentence


def test_what_was_stored_tells_as_much_as_the_baseline_itself(tmp_path):
    """A preview reads a few numbers; they give the same power as the judge's own reading of the samples."""
    seen = foresee(stored(tmp_path, "run", FRAME, 1), POLICY, SCHEDULE, FLEET)
    halves = replace(POLICY, settle=0, before=60, after=60, looks=(60,), extension=0)
    itself = plan_power(FRAME.assign(t=FRAME["t"] - FRAME["t"].min() - 59.5 * 15.0), halves, seen.treated, seen.controls)
    assert [power.sigma for power in seen.powers] == [power.sigma for power in itself]


@pytest.mark.parametrize("frame", [FRAME[FRAME["t"].between(0, 80)], FRAME[:0]])
def test_a_baseline_too_short_tells_nothing(tmp_path, frame):
    """Of a few samples, or none, no power is told, and the reason is."""
    with pytest.raises(InputError, match="a half of the baseline holds"):
        foresee(stored(tmp_path, "short", frame, 1), POLICY, SCHEDULE, FLEET)


@pytest.mark.parametrize("text", ["", "[]", '{"samples": 60}', '{"samples": 60, "spreads": [{"metric": "latency"}]}'])
def test_what_is_no_spreads_is_refused(tmp_path, text):
    """Torn, empty or of another shape: named, not guessed from."""
    file = tmp_path / "baseline-spreads.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="holds no spreads of a baseline"):
        foresee(file, POLICY, SCHEDULE, FLEET)


def test_a_preview_waits_for_nothing_that_it_does_not_use():
    """Everything that a preview of a day imports, with its look at the agents, comes without what takes longer to import than all the rest."""
    slow = "{'pandas', 'numpy', 'scipy', 'httpx', 'prometheus_client', 'requests', 'prefect', 'great_expectations'}"
    asked = f"import sys, cli.main, cli.preview, cli.changes; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


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
        return pd.DataFrame({"agent": agents, "machine": "mainpc", "part": "value", "t": [start + 1, start + 1], "value": [1.0, 2.0]})


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
