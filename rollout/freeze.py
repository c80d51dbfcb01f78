"""Freeze windows: times in which nobody starts a rollout, with the reason (issue 4, section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import AwareDatetime, Field, model_validator

from rollout.document import Document


class Freeze(Document):
    """One window, from `from` to `to`, both with a time zone."""

    begins: AwareDatetime = Field(alias="from")
    ends: AwareDatetime = Field(alias="to")
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _runs_forward(self) -> Freeze:
        if self.ends <= self.begins:
            raise ValueError("ends before it begins")
        return self

    def __str__(self) -> str:
        """The window as a person reads it."""
        return f"frozen until {self.ends.isoformat()}: {self.reason}"


def freeze_at(freezes: Iterable[Freeze], moment: float) -> Freeze | None:
    """The window that is open at that Unix time, if any."""
    when = datetime.fromtimestamp(moment, UTC)
    return next((freeze for freeze in freezes if freeze.begins <= when < freeze.ends), None)
