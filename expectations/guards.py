"""The findings on a frame's structure: every row there, every column there, every cell a measurement.

None of them can FAIL: what was not measured is ERROR; what was measured is for the checks to judge.
"""

from __future__ import annotations

from expectations.structure import Structure
from expectations.suite import Rows, Suite
from expectations.wording import agents_of, key_text, listed
from rollout.verdict import Evidence, Finding, Verdict


def structural_findings(suite: Suite, structure: Structure, evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per guard, called <suite>.rows, <suite>.columns and <suite>.values."""
    return _rows(suite, structure, evidence), _columns(suite, structure, evidence), _values(suite, structure, evidence)


def attested(verdict: Verdict, evidence: Evidence) -> Verdict:
    """The verdict, or ERROR for a PASS that no sample stands behind."""
    return Verdict.ERROR if verdict is Verdict.PASS and evidence.samples == 0 else verdict


def _rows(suite: Suite, structure: Structure, evidence: Evidence) -> Finding:
    """Every row that was asked for is there exactly once, and no other."""
    keys, wanted = suite.meta.rows.keys, len(structure.wanted)
    wrong = [
        f"{len(rows)} of {wanted} {reason}: {listed([key_text(key) for key in rows])}"
        for reason, rows in (("not seen", structure.missing), ("seen more than once", structure.doubled))
        if rows
    ]
    if structure.strangers:
        wrong.append(f"{len(structure.strangers)} that nobody asked for: {listed([key_text(key) for key in structure.strangers])}")
    if structure.nameless:
        wrong.append(f"{structure.nameless} rows that name nobody")
    if wanted == 0:
        wrong.append(f"nothing was expected, so nothing is shown (rows are {suite.meta.rows.value})")
    seen = wanted - len(structure.missing)
    whose = "row" if suite.meta.rows is Rows.ONE else " and ".join(keys)
    return Finding(
        check=f"{suite.name}.rows",
        verdict=attested(Verdict.ERROR if wrong else Verdict.PASS, evidence),
        observed=f"{seen} of {wanted}",
        bound=f"{wanted}, each once",
        sentence=f"Every {whose} is seen once: {'; '.join(wrong) or f'{seen} of {wanted}'}.",
        evidence=evidence,
        agents=agents_of(structure.missing + structure.doubled, keys),
    )


def _columns(suite: Suite, structure: Structure, evidence: Evidence) -> Finding:
    """Every column that the suite declares is there exactly once."""
    needed = len(suite.meta.columns)
    seen = needed - len(structure.absent)
    said = f"no {listed(structure.absent)}" if structure.absent else f"{seen} of {needed} columns"
    return Finding(
        check=f"{suite.name}.columns",
        verdict=attested(Verdict.ERROR if structure.absent else Verdict.PASS, evidence),
        observed=f"{seen} of {needed}",
        bound=", ".join(suite.meta.columns),
        sentence=f"Everything the suite judges was asked for: {said}.",
        evidence=evidence,
    )


def _values(suite: Suite, structure: Structure, evidence: Evidence) -> Finding:
    """Every cell of every expected row is a measurement of its kind: not null, not NaN, not infinite, not text for a number."""
    cells = structure.rows.size
    blank = sum(len(rows) for rows in structure.blank.values())
    holes = "; ".join(f"{column} of {listed([key_text(key) for key in rows])}" for column, rows in structure.blank.items())
    whose = tuple(key for rows in structure.blank.values() for key in rows)
    return Finding(
        check=f"{suite.name}.values",
        verdict=attested(Verdict.ERROR if blank or not cells else Verdict.PASS, evidence),
        observed=f"{cells - blank} of {cells} values",
        bound="every value measured",
        sentence=f"Every value is a measurement: {f'not {holes}' if blank else f'{cells} of {cells}' if cells else 'there are none'}.",
        evidence=evidence,
        agents=agents_of(whose, suite.meta.rows.keys),
    )
