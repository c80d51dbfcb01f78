"""What the generator saw of one level, as it comes back from its process."""

from __future__ import annotations

from enum import Enum
from functools import cached_property, reduce
from operator import add
from pathlib import Path

from pydantic import Field, ValidationError

from rollout.document import Document
from rollout.errors import GeneratorFault
from rollout.load.histogram import Histogram
from rollout.plan.load import GeneratorLimits

Counts = dict[int, int]
"""A histogram as it is stored."""


class Ending(Enum):
    """Why a level ended."""

    FINISHED = "it was sent to its end"
    ERRORS = "too many requests failed"
    LATENCY = "requests took too long"
    RESTART = "an agent did not last"
    SOURCE = "a metrics source was lost"
    ASKED = "it was asked to stop"


class ErrorKind(Enum):
    """How a request failed."""

    TIMEOUT = "timeout"
    CONNECT = "no connection"
    BROKEN = "connection lost"
    STATUS = "not a 200"


class TargetMeasured(Document):
    """One agent. scheduled, sent: requests; latency: of the answers that were a 200 and of the timeouts, from the scheduled moment.

    Fast failures have no latency: they would make a broken agent look quick.
    """

    agent: str
    scheduled: int
    sent: int
    errors: dict[ErrorKind, int]
    latency: Counts

    @property
    def failed(self) -> int:
        """Requests without a 200 in time."""
        return sum(self.errors.values())

    @property
    def error_ratio(self) -> float | None:
        """Share of the sent requests that failed; None when none was sent."""
        return self.failed / self.sent if self.sent else None


class Measured(Document):
    """One level.

    began, ended: Unix seconds of the first scheduled moment and of the last answer; lag: from scheduled to sent; runs: latency by part.
    """

    level: str
    began: float
    ended: float
    seconds: float = Field(description="As ordered.")
    lag: Counts
    runs: tuple[Counts, ...]
    targets: tuple[TargetMeasured, ...]
    ending: Ending
    reason: str = ""

    @property
    def scheduled(self) -> int:
        """Requests that were to be sent until the level ended."""
        return sum(target.scheduled for target in self.targets)

    @property
    def sent(self) -> int:
        """Requests that were."""
        return sum(target.sent for target in self.targets)

    @property
    def achieved(self) -> float:
        """Share of the scheduled requests that were sent."""
        return self.sent / self.scheduled if self.scheduled else 0.0

    @property
    def error_ratio(self) -> float | None:
        """Share of the sent requests that failed; None when none was sent."""
        return sum(target.failed for target in self.targets) / self.sent if self.sent else None

    @cached_property
    def latency(self) -> Histogram:
        """Of all agents and runs."""
        return reduce(add, (Histogram(counts) for counts in self.runs), Histogram())

    @property
    def lag_p99(self) -> float | None:
        """Seconds from scheduled to sent at the 99th percentile; None when nothing was sent."""
        return Histogram(self.lag).percentile(0.99)

    def kept_up(self, limits: GeneratorLimits) -> bool:
        """Whether the generator did what it was ordered to do, so that the level says something about the agents."""
        lag = self.lag_p99
        return lag is not None and lag <= limits.max_lag and self.achieved >= limits.min_achieved

    def stopped(self, ending: Ending, reason: str) -> Measured:
        """The same, ended from outside for that reason; a generator that met a stop condition of its own keeps that."""
        return self if self.ending in (Ending.ERRORS, Ending.LATENCY) else self.model_copy(update={"ending": ending, "reason": reason})


def read_measured(file: Path) -> Measured:
    """What a generator's process left. Raises GeneratorFault when there is nothing whole."""
    try:
        return Measured.model_validate_json(file.read_bytes())
    except OSError as error:
        raise GeneratorFault(f"the load generator left no result: {error.strerror}") from error
    except ValidationError as error:
        raise GeneratorFault(f"the load generator left no whole result: {str(error).splitlines()[0]}") from error
