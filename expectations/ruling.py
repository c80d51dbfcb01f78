"""Rules on one check from what the engine says it did, never from a success flag."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from expectations.guards import attested
from expectations.structure import Key, Structure
from expectations.suite import Check, Severity
from expectations.wording import agents_of, bound_text, cells_text, key_text, listed, sentence
from rollout.verdict import Evidence, Finding, Verdict

if TYPE_CHECKING:
    from expectations.engine import Outcome

MEANS = {Severity.CRITICAL: Verdict.FAIL, Severity.WARNING: Verdict.INCONCLUSIVE}


@dataclass(frozen=True, slots=True)
class Case:
    """What all checks of one gate share: the examined frame, what tells its rows apart, the plan's bounds and the evidence."""

    structure: Structure
    keys: tuple[str, ...]
    bounds: Mapping[str, float]
    evidence: Evidence


def obstacle(check: Check, case: Case) -> str:
    """Why a check cannot be judged at all; empty when it can."""
    if case.structure.rows.empty:
        return "there is no row to judge"
    needed = (*check.columns, *(() if check.condition is None else (check.condition.column.name,)))
    if absent := [column for column in needed if column in case.structure.absent]:
        return f"{listed(absent)} was not measured"
    for name in check.parameters.values():
        bound = case.bounds.get(name)
        if bound is None or isinstance(bound, bool):
            return f"the plan gives no {name}"
        if not math.isfinite(bound):
            return f"{name} is {bound}, which bounds nothing"
    return ""


def not_judged(check: Check, case: Case, reason: str) -> Finding:
    """The ERROR of a check that nobody judged."""
    return Finding(
        check=check.meta.id,
        verdict=Verdict.ERROR,
        observed="not measured",
        bound=bound_text(check, case.bounds),
        sentence=f"{sentence(check, case.bounds)}: not shown, {reason.rstrip('.')}.",
        evidence=case.evidence,
    )


def ruling(check: Check, case: Case, outcome: Outcome | None) -> Finding:
    """One check's finding: FAIL or INCONCLUSIVE names who broke it, ERROR names who was not judged.

    Args:
        check: one that has no obstacle.
        case: the gate it belongs to.
        outcome: what the engine did for it; None when it returned nothing for this id.
    """
    if outcome is None:
        return not_judged(check, case, "it was dropped")
    if outcome.fault:
        return not_judged(check, case, outcome.fault)
    if other := [name for word, name in check.parameters.items() if outcome.kwargs.get(word) != case.bounds[name]]:
        return not_judged(check, case, f"it was judged by another {listed(other)} than the plan's")
    looked_at = _looked_at(check, case.structure.rows)
    blank = looked_at & case.structure.is_blank(check.columns)
    if outcome.judged != looked_at.sum() - blank.sum():
        return not_judged(check, case, f"it looked at {outcome.judged} of {looked_at.sum()} rows")
    return _counted(check, case, outcome.unexpected, _unjudged(case.structure, looked_at, blank))


def _looked_at(check: Check, rows: pd.DataFrame) -> pd.Series[bool]:
    """Per row: is the check about it? Counted here, so that a condition that matches nothing is seen."""
    if check.condition is None:
        return pd.Series(data=True, index=rows.index)
    same = rows[check.condition.column.name] == check.condition.parameter
    return same if check.condition.operator == "==" else ~same


def _unjudged(structure: Structure, looked_at: pd.Series[bool], blank: pd.Series[bool]) -> tuple[Key, ...]:
    """Rows that are missing or blank, and whoever has rows but none among those looked at."""
    blanks = [key for key, is_blank in zip(structure.keys, blank, strict=True) if is_blank]
    judged = {key[:1] for key, looked in zip(structure.keys, looked_at, strict=True) if looked}
    overlooked = [key[:1] for key in structure.keys if key[:1] not in judged]
    return tuple(dict.fromkeys([*structure.missing, *blanks, *overlooked]))


def _counted(check: Check, case: Case, broken: Sequence[int], unjudged: tuple[Key, ...]) -> Finding:
    """The finding of a check that was judged: a broken row means what the severity says, an unjudged one is at least ERROR."""
    verdict = max(MEANS[check.severity] if broken else Verdict.PASS, Verdict.ERROR if unjudged else Verdict.PASS)
    breakers = [case.structure.keys[row] for row in broken]
    shown = [f"{key_text(key)} ({_cells(check, case, row)})" for key, row in zip(breakers, broken, strict=True)]
    good = len(case.structure.wanted) - len(set(breakers) | set(unjudged))
    tally = f"{good} of {len(case.structure.wanted)}" if case.keys else _cells(check, case, 0)
    parts = [f"not so for {listed(shown)}" if case.keys else "not so"] if broken else []
    if unjudged:
        parts.append(f"{len(unjudged)} of {len(case.structure.wanted)} not measured: {listed([key_text(key) for key in unjudged], most=3)}")
    return Finding(
        check=check.meta.id,
        verdict=attested(verdict, case.evidence),
        observed=tally,
        bound=bound_text(check, case.bounds),
        sentence=f"{sentence(check, case.bounds)}: {'; '.join([tally, *parts])}.",
        evidence=case.evidence,
        agents=agents_of(unjudged if verdict is Verdict.ERROR and not broken else breakers, case.keys),
    )


def _cells(check: Check, case: Case, row: int) -> str:
    """What stands in that row in the columns of the check."""
    return cells_text({column: case.structure.rows[column][row] for column in check.columns})
