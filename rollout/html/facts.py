"""Values with the place that they can be read or computed from again: what the page shows carries it as data-from.

A place is FILE#/json/pointer, a difference (A - B) or a quotient (A / B) of places, or FUNCTION(FILE#/pointer [key=value ...]) over a list, where
* in a pointer stands for each element; for samples FUNCTION(samples/batch-*.parquet#value [metric=latency treated=true t>=8]).
key(...) is a pointer's last part, start(...) the first signs of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import Any

from rollout.evidence import LEDGER
from rollout.html.folder import ReportFolder
from rollout.judgement_file import JUDGEMENTS
from rollout.ledger import Step
from rollout.report_file import JSON

SAMPLES = "samples/batch-*.parquet"


@dataclass(frozen=True, slots=True)
class Fact:
    """A value, None where nobody knows it, and where it comes from."""

    value: Any
    place: str

    def __getitem__(self, key: str | int) -> Fact:
        """The part of that name or number."""
        return Fact(self.value[key], f"{self.place}/{str(key).replace('~', '~0').replace('/', '~1')}")

    def __iter__(self) -> Iterator[Fact]:
        """Each part of a list or of a mapping."""
        keys = self.value if isinstance(self.value, dict) else range(len(self.value))
        return (self[key] for key in keys)

    def __sub__(self, other: Fact) -> Fact:
        """The difference; not known where either is not."""
        known = self.value is not None and other.value is not None
        return Fact(self.value - other.value if known else None, f"({self.place} - {other.place})")

    def __truediv__(self, other: Fact) -> Fact:
        """The quotient; not known where either is not, or by nothing."""
        known = self.value is not None and bool(other.value)
        return Fact(self.value / other.value if known else None, f"({self.place} / {other.place})")

    def count(self, **where: object) -> Fact:
        """How many elements of a list have these values."""
        found = [each for each in self.value if all(each[key] == value for key, value in where.items())]
        return Fact(len(found), f"count({self.place}{_conditions(where)})")

    def over(self, function: Statistic, key: str) -> Fact:
        """A statistic of one key over a list, of those elements that have it."""
        values = [each[key] for each in self.value if each.get(key) is not None]
        return Fact(function.of(values), f"{function.value}({self.place}/*/{key})")


class Statistic(Enum):
    """What is said of many values; of none it is not known."""

    MEDIAN = "median"
    MAX = "max"
    SUM = "sum"

    def of(self, values: list[float]) -> float | None:
        """The statistic of these values."""
        if not values:
            return None
        reduced: dict[Statistic, Callable[[list[float]], float]] = {Statistic.MEDIAN: median, Statistic.MAX: max, Statistic.SUM: sum}
        return reduced[self](values)


@dataclass(frozen=True)
class Facts:
    """Where all facts of a page start."""

    folder: ReportFolder

    @property
    def report(self) -> Fact:
        """The report."""
        return Fact(self.folder.plain, f"{JSON}#")

    @property
    def judgements(self) -> Fact | None:
        """What the judge said; None where the run stored nothing."""
        return Fact(self.folder.plain_judgements, f"{JUDGEMENTS}#") if self.folder.judgements else None

    def entries(self, step: Step) -> Fact:
        """How many entries of that step the ledger has."""
        found = sum(entry.step is step for entry in self.folder.ledger)
        return Fact(found if self.folder.ledger else None, f"count({LEDGER}# [step={step.value}])")

    def samples(self, function: str, metric: str, *, treated: bool, since: float | None) -> Fact:
        """The mean or median of a metric's samples over all batches: before the activation (since None), or from so many seconds after it."""
        moment = "t<0" if since is None else f"t>={since:g}"
        values: list[float] = []
        for frame in self.folder.batches.values():
            side = frame[(frame["metric"] == metric) & (frame["treated"] == treated)]
            chosen = side[side["t"] < 0] if since is None else side[side["t"] >= since]
            values += chosen["value"].dropna().tolist()
        place = f"{function}({SAMPLES}#value [metric={metric} treated={str(treated).lower()} {moment}])"
        return Fact((median(values) if function == "median" else sum(values) / len(values)) if values else None, place)


def _conditions(where: dict[str, object]) -> str:
    """As they stand in a place."""
    said = " ".join(f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in where.items())
    return f" [{said}]" if said else ""
