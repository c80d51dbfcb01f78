"""The progressive load test of a day: which requests, how many, for how long, and when it ends by itself (plan.md lines 305-311)."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from itertools import pairwise
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from rollout.document import Document
from rollout.plan.scalars import Duration

LevelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Seconds = Annotated[Duration, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RequestPort(Enum):
    """Which port of an agent a request goes to."""

    WORK = "work"
    HEALTH = "health"


class LoadRequest(Document):
    """One kind of request of the mix. weight: its share among those that an agent serves; a hub's agent serves no work."""

    name: LevelName
    path: Annotated[str, StringConstraints(pattern=r"^/\S*$")]
    port: RequestPort
    weight: Positive


class LoadLevel(Document):
    """One level. rate: requests a second to each agent; duration: seconds at pace 1."""

    name: LevelName
    rate: Positive
    duration: Seconds


class GeneratorLimits(Document):
    """What the generator itself has to keep for a level to count as measured.

    min_achieved: share of the scheduled requests that it sent; max_lag: seconds from scheduled to sent, at the 99th percentile.
    """

    min_achieved: Share
    max_lag: Seconds


class StopConditions(Document):
    """When a level ends at once: looked at whenever `requests` more have ended.

    error_ratio: share of these that failed; latency: seconds of their 99th percentile.
    """

    requests: int = Field(ge=10)
    error_ratio: Share
    latency: Seconds


class Load(Document):
    """The whole test. step: title of the step whose hours hold it.

    must_hold: the last level that has to hold for the test to pass; later ones look for the end of what the fleet can do. recovery: seconds at the
    first level's rate after the last level. runs: equal parts of a level, the unit of its statistics; timeout: of one request, seconds; look:
    seconds between two looks at agents and hubs. pace divides durations, scale multiplies rates: both 1 but in a declared rehearsal.
    """

    step: str
    requests: tuple[LoadRequest, ...] = Field(min_length=1)
    levels: tuple[LoadLevel, ...] = Field(min_length=1)
    must_hold: LevelName
    recovery: Seconds
    runs: int = Field(ge=3)
    timeout: Seconds
    look: Seconds
    generator: GeneratorLimits
    stop: StopConditions
    pace: float = Field(default=1, ge=1, allow_inf_nan=False)
    scale: Positive = 1

    @model_validator(mode="after")
    def _climbs(self) -> Load:
        for what, names in (("request", [each.name for each in self.requests]), ("level", [each.name for each in self.levels])):
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise ValueError(f"two {what}s are called {twice[0]}")
        if any(later.rate <= earlier.rate for earlier, later in pairwise(self.levels)):
            raise ValueError("each level has a higher rate than the one before")
        if self.must_hold not in {level.name for level in self.levels}:
            raise ValueError(f"must_hold names no level: {self.must_hold}")
        return self

    @property
    def duration(self) -> float:
        """Seconds of all levels and the recovery at pace 1."""
        return sum(level.duration for level in self.levels) + self.recovery

    @property
    def required(self) -> tuple[LoadLevel, ...]:
        """The levels that have to hold."""
        names = [level.name for level in self.levels]
        return self.levels[: names.index(self.must_hold) + 1]


class RehearsedLoad(Document):
    """What a rehearsal declares: durations are divided by pace, rates multiplied by scale; generator: where agents and it share a machine."""

    pace: float = Field(ge=1, allow_inf_nan=False)
    scale: Positive
    generator: GeneratorLimits
