"""The registry of optimization patterns: what each one is, and what has been seen of it (plan.md line 430, criterion P.2)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from rollout.document import Document, read_yaml, validated


class Observation(Document):
    """What was claimed or seen of a pattern. source: who claims it, or what measured it and when."""

    what: str = Field(min_length=1)
    figure: str = Field(min_length=1)
    source: str = Field(min_length=1)


class Pattern(Document):
    """One pattern. part, switch, options: what an agent runs under and the environment that turns it on; document: where it is described.

    seen: evidence of ours; claimed: what the plan says without such evidence.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    part: str
    switch: dict[str, str]
    options: tuple[str, ...] = ()
    document: Path
    needs: str
    costs: str
    suits: str
    claimed: tuple[Observation, ...] = ()
    seen: tuple[Observation, ...] = ()


class Registry(Document):
    """All patterns of a checkout."""

    patterns: tuple[Pattern, ...] = Field(min_length=1)


def load_patterns(file: Path) -> tuple[Pattern, ...]:
    """The patterns of a registry file. Raises InputError (file, key, reason)."""
    return validated(Registry, read_yaml(file), file).patterns
