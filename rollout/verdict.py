"""Verdicts and the evidence without which there is no PASS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum


class Verdict(IntEnum):
    """What a gate says, ordered so that the worst wins (after argo-rollouts' analysis phases)."""

    PASS = 0
    INCONCLUSIVE = 1
    ERROR = 2
    FAIL = 3


class Standing(Enum):
    """What a report says of a criterion; never a softer word than the finding behind it."""

    MET = "MET"
    NOT_PROVEN = "NOT PROVEN"
    NOT_MEASURED = "NOT MEASURED"
    NOT_MET = "NOT MET"


STANDING_OF = {
    Verdict.PASS: Standing.MET,
    Verdict.INCONCLUSIVE: Standing.NOT_PROVEN,
    Verdict.ERROR: Standing.NOT_MEASURED,
    Verdict.FAIL: Standing.NOT_MET,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a value comes from: enough to measure it again.

    source: who was asked (a hub's name, "probe", "supervisor"); query: the PromQL text or the request;
    start, end: Unix seconds of the window; samples: how many values were seen (agents, scrapes or requests).
    """

    source: str
    query: str
    start: float
    end: float
    samples: int

    def __post_init__(self) -> None:
        """A window runs forward and a count is not negative."""
        if self.end < self.start or self.samples < 0:
            raise ValueError(f"impossible evidence: {self.start}..{self.end}, {self.samples} samples")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's verdict with its value, its bound and its evidence.

    agents names those that failed (empty when all is well). PASS without a sample of evidence cannot be constructed.
    """

    check: str
    verdict: Verdict
    observed: str
    bound: str
    sentence: str
    evidence: Evidence | None = None
    agents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """No PASS without evidence: the first law of the house, held where findings are made."""
        if self.verdict is Verdict.PASS and (self.evidence is None or self.evidence.samples == 0):
            raise ValueError(f"{self.check}: PASS needs evidence")


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst verdict; no findings at all is ERROR, since nothing was measured."""
    return max((finding.verdict for finding in findings), default=Verdict.ERROR)


def standing(findings: Iterable[Finding]) -> Standing:
    """What the report may say of a criterion measured by these findings."""
    return STANDING_OF[worst(findings)]
