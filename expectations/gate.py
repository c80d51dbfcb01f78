"""Judges one frame by one suite. Whatever is not a PASS with rows behind it becomes a finding that says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from expectations.guards import structural_findings
from expectations.ruling import Case, not_judged, obstacle, ruling
from expectations.structure import examine
from expectations.suite import SUITES, Suite, read_suite
from rollout.errors import InputError
from rollout.verdict import Evidence, Finding, Verdict

SUITE_NAME = re.compile(r"[a-z][a-z0-9_]*")


def validate(
    suite: str,
    frame: pd.DataFrame,
    bounds: Mapping[str, float],
    evidence: Evidence,
    *,
    agents: Sequence[str] = (),
    metrics: Sequence[str] = (),
    suites: Path = SUITES,
) -> tuple[Finding, ...]:
    """Judges a frame by a suite: first its structure, then every check, one finding each.

    Args:
        suite: the name of a suite, e.g. "activation". One that does not exist is an ERROR finding.
        frame: the columns and rows that the suite's meta declares; any index; what it holds never raises.
        bounds: the plan's numbers by the names that the suite uses; others are ignored.
        evidence: where the frame comes from; every finding carries it, and without samples nothing passes.
        agents: the identities ("machine/Agent") that must be there, each once, where rows are per agent.
        metrics: the metrics that must be there, where rows are per metric.
        suites: the folder of the suites.

    Returns:
        <suite>.rows, <suite>.columns, <suite>.values, then the checks in the order of the file. Failing a check of severity
        warning is INCONCLUSIVE. What was not measured, or not judged, is ERROR.

    Raises:
        InputError: the suite's file is malformed.
    """
    file = suites / f"{suite}.json"
    if not SUITE_NAME.fullmatch(suite) or not file.is_file():
        return (_no_suite(suite, evidence),)
    read = read_suite(file)
    structure = examine(frame, read.meta, agents, metrics)
    case = Case(structure, read.meta.rows.keys, bounds, evidence)
    return (*structural_findings(read, structure, evidence), *_judged(read, file, case))


def lint(suites: Path = SUITES) -> tuple[Suite, ...]:
    """Every suite of a folder, read and built as a gate would.

    Raises:
        InputError: the first suite that could not be used, or a folder without any.
    """
    from expectations import engine  # noqa: PLC0415 (takes seconds and 200 MB; see validate)

    files = sorted(suites.glob("*.json"))
    if not files:
        raise InputError(suites, "", "there is no suite")
    read = tuple(read_suite(file) for file in files)
    for suite, file in zip(read, files, strict=True):
        engine.build(suite.expectations, file)
    return read


def _judged(suite: Suite, file: Path, case: Case) -> tuple[Finding, ...]:
    """The findings of all checks; those with an obstacle are not run, the others run together."""
    obstacles = {check.meta.id: obstacle(check, case) for check in suite.expectations}
    runnable = [check for check in suite.expectations if not obstacles[check.meta.id]]
    outcomes = {}
    if runnable:
        from expectations import engine  # noqa: PLC0415 (takes seconds and 200 MB, and a rollback must never wait for it)

        outcomes = engine.run(runnable, file, case.structure.rows, case.bounds)
    return tuple(
        ruling(check, case, outcomes.get(check.meta.id)) if check in runnable else not_judged(check, case, obstacles[check.meta.id])
        for check in suite.expectations
    )


def _no_suite(suite: str, evidence: Evidence) -> Finding:
    """A gate whose suite is missing has measured nothing."""
    return Finding(
        suite, Verdict.ERROR, "not measured", f"a suite called {suite}", f"There is no suite called {suite}: nothing was judged.", evidence
    )
