"""The dated record of rehearsed emergencies, which criteria cite when a run had no reason to roll back (plan.md lines 431 and 433)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rollout.audit import Emergency
from rollout.journal import Journal
from rollout.verdict import Evidence, Finding, Verdict

BUILT = frozenset(Emergency)
ALL_PROTOCOLS = 3
"""Emergencies of the plan (plan.md lines 341, 357, 373)."""
CITED_BY: Mapping[str, frozenset[Emergency]] = {
    "E1": frozenset({Emergency.METRICS}),
    "D1.R": frozenset({Emergency.METRICS}),
    "E2": frozenset({Emergency.HUB}),
    "D2.R": frozenset({Emergency.HUB}),
    "E3": frozenset({Emergency.OPTIMIZATION}),
    "D4.R": frozenset({Emergency.OPTIMIZATION}),
    "P.3": BUILT,
    "P.5": BUILT,
}
"""Criteria to the protocols whose rehearsal they rest on; P.3 and P.5 rest on all of the plan."""
NEEDS_ALL = frozenset({"P.3", "P.5"})


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One rehearsed emergency. at: Unix seconds; label: where and how; run: its report; verdict: of its own criterion, by name."""

    at: float
    protocol: str
    label: str
    run: str
    agents: int
    verdict: str
    observed: str
    bound: str


class RehearsalFile:
    """`rehearsals.jsonl` of a site's state folder, append-only."""

    def __init__(self, state: Path) -> None:
        self.file = state / "rehearsals.jsonl"

    def append(self, rehearsal: Rehearsal) -> None:
        """Add one; it is on disk before this returns. Raises OSError."""
        Journal(self.file).append(asdict(rehearsal))

    def newest(self) -> dict[str, Rehearsal]:
        """The latest of each protocol. Raises InputError where a line is no rehearsal."""
        return {rehearsal.protocol: rehearsal for rehearsal in Journal(self.file).read(lambda record: Rehearsal(**record), "a rehearsal")}

    def findings(self, criterion: str) -> list[Finding]:
        """What the record says of that criterion; nothing where it rests on no rehearsal or there is none."""
        newest = self.newest()
        cited = [newest[protocol.value] for protocol in CITED_BY.get(criterion, ()) if protocol.value in newest]
        found = [_finding(criterion, rehearsal) for rehearsal in cited]
        if found and criterion in NEEDS_ALL and len(found) < ALL_PROTOCOLS:
            sentence = f"{len(found)} of {ALL_PROTOCOLS} emergencies are rehearsed: {', '.join(each.protocol for each in cited)}"
            found.append(Finding(criterion, Verdict.INCONCLUSIVE, f"{len(found)} of {ALL_PROTOCOLS}", "all", sentence, found[0].evidence))
        return found


def _finding(criterion: str, rehearsal: Rehearsal) -> Finding:
    """One rehearsal as evidence; its own verdict is kept."""
    when = datetime.fromtimestamp(rehearsal.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    evidence = Evidence(f"rehearsal of {when}, {rehearsal.label}", f"report {rehearsal.run}", rehearsal.at, rehearsal.at, rehearsal.agents)
    sentence = f"Rehearsed on {when} ({rehearsal.label}): {rehearsal.protocol}, {rehearsal.agents} agents {rehearsal.observed}."
    return Finding(criterion, Verdict[rehearsal.verdict], f"{rehearsal.observed} (rehearsal)", rehearsal.bound, sentence, evidence)
