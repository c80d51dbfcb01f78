"""Which agents are worth optimising, and in which order (plan.md lines 172-177): a frame in, a ranking out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pandas as pd

from rollout.plan import Floor

COLUMNS = ("agent", "eager_seconds", "lazy_seconds", "eager_imports", "lazy_imports", "contract", "reason")
"""Of a survey: one row per agent. Seconds from spawn to healthy and of them in imports, eager and lazy, NaN where a shadow did not become
healthy; contract: requests that the agent answers the same twice; reason: why something is missing."""


class Worth(Enum):
    """What the survey says of an agent."""

    CANDIDATE = "candidate"
    LATER = "worth it, but not among this day's"
    NOT_WORTH_IT = "not worth it"
    NO_CONTRACT = "no contract to compare it by"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One agent. saved: seconds of start-up that one shadow start without the deferred imports took less; gain: the same as a share.

    imports: seconds of imports that its eager start spent and its lazy one did not; rank: from 1, 0 for those that are not worth it.
    """

    agent: str
    worth: Worth
    rank: int
    seconds: float
    imports: float
    saved: float
    gain: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """All surveyed agents: the candidates in their order, then those that are worth it later, then the others by identity."""

    all: tuple[Candidate, ...]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The day's candidates, best first."""
        return tuple(each.agent for each in self.all if each.worth is Worth.CANDIDATE)

    def of(self, worth: Worth) -> tuple[str, ...]:
        """The agents of which the survey says that."""
        return tuple(each.agent for each in self.all if each.worth is worth)


def rank_candidates(survey: pd.DataFrame, floor: Floor, count: int) -> Ranking:
    """Rank by what a start is expected to save; the same survey always gives the same order.

    Seconds saved decide, then the start-up, then the import cost, then the name.
    count: how many the day takes. An agent below the floor, without a contract or without a measured start on both sides is none.
    """
    judged = [_judged(row, floor) for row in survey.to_dict("records")]
    worthy = sorted((each for each in judged if each.worth is Worth.CANDIDATE), key=_order)
    others = sorted((each for each in judged if each.worth is not Worth.CANDIDATE), key=lambda each: each.agent)
    ranked = [
        Candidate(each.agent, Worth.CANDIDATE if rank <= count else Worth.LATER, rank, each.seconds, each.imports, each.saved, each.gain, each.reason)
        for rank, each in enumerate(worthy, start=1)
    ]
    return Ranking((*ranked, *others))


def _order(each: Candidate) -> tuple[float, float, float, str]:
    """Best first; what differs by less than a millisecond is equal, since no start is measured better."""
    return -round(each.saved, 3), -round(each.seconds, 3), -round(each.imports, 3), each.agent


def _judged(row: dict[Any, Any], floor: Floor) -> Candidate:
    """One agent, not yet ranked."""
    agent, eager, lazy = str(row["agent"]), float(row["eager_seconds"]), float(row["lazy_seconds"])
    imports = float(row["eager_imports"]) - float(row["lazy_imports"])
    if math.isnan(eager) or math.isnan(lazy) or math.isnan(imports):
        return Candidate(agent, Worth.NOT_MEASURED, 0, eager, math.nan, math.nan, math.nan, str(row["reason"]) or "no start was measured")
    saved, gain = eager - lazy, 1 - lazy / eager
    if not row["contract"]:
        return Candidate(agent, Worth.NO_CONTRACT, 0, eager, imports, saved, gain, "it answers no request the same twice, or serves none")
    low = saved < floor.seconds or gain < floor.share
    reason = f"a start saves {saved:.3f} s of {eager:.3f} s, {gain:.0%}" + (
        f"; the floor is {floor.seconds:g} s and {floor.share:.0%}" if low else ""
    )
    return Candidate(agent, Worth.NOT_WORTH_IT if low else Worth.CANDIDATE, 0, eager, imports, saved, gain, reason)
