"""What a gate costs: eight checks over 77 rows by Great Expectations, against the same eight in plain pandas.

Run: python benchmarks/gate.py [--rows 77] [--rounds 5]. Prints medians; the import is paid once per process.
Goal (facts.md): 8-10 checks over 77 rows in about 110-130 ms.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd

from expectations import validate
from expectations.suite import SUITES, read_suite
from rollout.verdict import Evidence, Verdict

CHECKS = 8
FLAGS = ("running", "pid_matches_port", "started_after_act", "environment_matches", "health_pid_matches", "exposition_valid")
BOUNDS = {"min_families": 4}


def eight_checks(folder: Path) -> None:
    """The first eight checks of the activation suite as a suite of its own."""
    suite = read_suite(SUITES / "activation.json")
    eight = suite.model_copy(update={"expectations": suite.expectations[:CHECKS]})
    (folder / "activation.json").write_text(eight.model_dump_json(), encoding="utf-8")


def frame_of(rows: int) -> pd.DataFrame:
    """An activation that went well."""
    frame = pd.DataFrame({"agent": [f"mainpc/Agent{number}" for number in range(rows)], "health_status": 200, "metrics_status": 200, "families": 6})
    return frame.assign(health_feature_matches=True, **dict.fromkeys(FLAGS, True))


def in_pandas(frame: pd.DataFrame) -> bool:
    """The same eight checks without guards, names or findings."""
    return (
        all(bool(frame[flag].all()) for flag in FLAGS)
        and bool((frame["health_status"] == 200).all())
        and bool((frame["metrics_status"] == 200).all())
    )


def milliseconds(act: Callable[[], object], rounds: int) -> float:
    """The median wall time of some rounds."""
    took = []
    for _ in range(rounds):
        begin = time.perf_counter()
        act()
        took.append((time.perf_counter() - begin) * 1000)
    return median(took)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=77)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    frame = frame_of(options.rows)
    evidence = Evidence("benchmark", "none", 0, 1, options.rows)
    with TemporaryDirectory() as folder:
        eight_checks(Path(folder))

        def gate() -> None:
            findings = validate("activation", frame, BOUNDS, evidence, agents=list(frame["agent"]), suites=Path(folder))
            if {finding.verdict for finding in findings} != {Verdict.PASS} or len(findings) != CHECKS + 3:
                raise SystemExit(f"the gate did not pass: {findings}")

        first = milliseconds(gate, 1)
        ours = milliseconds(gate, options.rounds)
        plain = milliseconds(lambda: in_pandas(frame), options.rounds)
    print(f"{CHECKS} checks over {options.rows} rows, median of {options.rounds}")
    print(f"first gate of the process, import included {first:8.0f} ms")
    print(f"a gate                                     {ours:8.1f} ms")
    print(f"the same in plain pandas                   {plain:8.2f} ms   ratio {ours / plain:.0f}")


if __name__ == "__main__":
    main()
