"""Great Expectations comes late and leaves no trace: no import before a gate, no files, no output."""

from __future__ import annotations

import subprocess
import sys

import pytest
from known_good import AGENTS, BOUNDS, EVIDENCE, METRICS, good_frame

from expectations import validate
from expectations.suite import SUITES

LATE = """
import sys
import expectations, expectations.gate
assert "great_expectations" not in sys.modules, "imported with the package"
import pandas as pd
from rollout.verdict import Evidence, Verdict
findings = expectations.validate("collection_time", pd.DataFrame({"collection_seconds": []}), {}, Evidence("hub", "up", 0, 1, 1))
assert Verdict.ERROR in {finding.verdict for finding in findings}
assert "great_expectations" not in sys.modules, "imported for a frame that cannot be judged"
"""
FIRST = """
findings = expectations.validate(
    "collection_time", pd.DataFrame({"collection_seconds": [2.0]}), {"max_collection_seconds": 30}, Evidence("hub", "up", 0, 1, 1)
)
assert {finding.verdict for finding in findings} == {Verdict.PASS}, findings
assert "great_expectations" in sys.modules
"""


def run(program, folder):
    """Runs a program in a fresh process that turns warnings into errors and has nothing but that folder; exit code, output, errors."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env={"PYTHONPATH": str(SUITES.parent), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_importing_expectations_does_not_import_great_expectations(tmp_path):
    """Neither the package nor a frame that cannot be judged pays for the import."""
    assert run(LATE, tmp_path) == (0, "", "")


@pytest.mark.full
def test_the_first_gate_of_a_process_leaves_no_trace(tmp_path):
    """The import and a gate warn of nothing, print nothing and write no file."""
    assert run(LATE + FIRST, tmp_path) == (0, "", "")
    assert list(tmp_path.rglob("*")) == []


def test_a_gate_prints_nothing(capfd):
    """No progress bars, also where something fails."""
    frame = good_frame("activation")
    frame.loc[0, "families"] = 0
    validate("activation", frame, BOUNDS, EVIDENCE, agents=AGENTS, metrics=METRICS)
    assert capfd.readouterr() == ("", "")
