"""When a hub's machine takes over the targets of its peer, and when it gives them back (issue 5, section 2).

Pure: a check's observation in, the next state and an act out. All durations are counted in checks; the loop knows how long one lasts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from rollout.errors import InputError

LONGEST = 64
"""The back-off's bound: no hand-back waits longer than this many times `rise` (ours: 160 s at a check every 0.5 s and rise 5)."""
CALM = 4
"""A peer that fails within this many times the last wait after a hand-back was given its targets too early (ours)."""


class Answer(Enum):
    """What a hub said to one check."""

    READY = "ready"
    REFUSED = "refused"
    """Somebody answers but does not let us ask, such as 401: neither a sign of death nor of scraping."""
    FAILED = "failed"
    """No answer in time, no connection, or "not ready": whoever that is scrapes nobody."""


class Standing(Enum):
    """How the watchdog stands, for people and metrics."""

    WATCHING = "watching"
    SUSPECTING = "suspecting"
    TAKEN_OVER = "taken_over"
    RETURNING = "returning"
    HUB_DOWN = "hub_down"
    """Its own hub scrapes nobody, so that nothing can be taken over, whatever the peer does."""


class Act(Enum):
    """What the takeover folder must be made to be after a check; repeating it changes nothing."""

    STAND_BY = "stand_by"
    TAKE_OVER = "take_over"
    HOLD = "hold"
    HAND_BACK = "hand_back"


@dataclass(frozen=True, slots=True)
class Settings:
    """fall: failed checks in a row that mean death; rise: ready ones in a row before a hand-back, more than fall. Raises InputError."""

    fall: int
    rise: int

    def __post_init__(self) -> None:
        if self.fall < 1:
            raise InputError("command line", "--fall", f"must be at least 1, not {self.fall}")
        if self.rise <= self.fall:
            raise InputError("command line", "--rise", f"must be more than --fall, {self.fall}, not {self.rise}: else it flaps")


@dataclass(frozen=True, slots=True)
class Observation:
    """One check. scraping: the peer was seen to scrape all that would be given back; asked only when a hand-back is due."""

    hub: Answer
    peer: Answer
    scraping: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that a watchdog knows between two checks.

    failed, answered: checks in a row in which the peer failed or was ready; setbacks: hand-backs in a row that came too early;
    returned: checks since the last hand-back, None when there was none or when it has proven good.
    """

    taken: bool = False
    hub_up: bool = True
    failed: int = 0
    answered: int = 0
    setbacks: int = 0
    returned: int | None = None

    @property
    def standing(self) -> Standing:
        """The state as one word."""
        if not self.hub_up:
            return Standing.HUB_DOWN
        if self.taken:
            return Standing.RETURNING if self.answered else Standing.TAKEN_OVER
        return Standing.SUSPECTING if self.failed else Standing.WATCHING

    def wait(self, settings: Settings) -> int:
        """Ready checks in a row before a hand-back: `rise`, doubled with each setback up to the bound."""
        return min(settings.rise << self.setbacks, settings.rise * LONGEST)

    def due(self, settings: Settings) -> bool:
        """Whether one more ready check would be the last that a hand-back waits for."""
        return self.taken and self.answered + 1 >= self.wait(settings)


def step(watch: Watch, seen: Observation, settings: Settings) -> tuple[Watch, Act]:
    """One check's consequence.

    A refusal breaks both rows: the peer lives, and was not seen ready. While the own hub is down the peer's failures still count: the own hub's first
    answer takes over.
    """
    now = replace(
        watch,
        hub_up=seen.hub is not Answer.FAILED,
        failed=watch.failed + 1 if seen.peer is Answer.FAILED else 0,
        answered=watch.answered + 1 if seen.peer is Answer.READY else 0,
        returned=None if watch.returned is None else watch.returned + 1,
    )
    if now.taken:
        if now.answered >= now.wait(settings) and seen.scraping:
            return replace(now, taken=False, returned=0), Act.HAND_BACK
        return now, Act.HOLD
    if now.failed >= settings.fall and now.hub_up:
        return replace(now, taken=True, setbacks=now.setbacks if now.returned is None else now.setbacks + 1, returned=None), Act.TAKE_OVER
    if now.returned is not None and now.returned >= CALM * now.wait(settings):
        return replace(now, setbacks=0, returned=None), Act.STAND_BY
    return now, Act.STAND_BY
