"""A suite file: hand-edited JSON in the shape of Great Expectations, held to rules that close its silent passes.

Reading a suite needs no Great Expectations; whether its types exist is the engine's to say.
Source: architecture.md "No PASS without evidence", facts.md "Great Expectations 1.24.1".
"""

from __future__ import annotations

import json
from collections import Counter
from enum import Enum
from pathlib import Path
from string import Formatter

from pydantic import Field, JsonValue, field_validator, model_validator

from expectations.words import COLUMN_WORDS, WORDS, RowCondition, parameter_name
from rollout.document import Document, validated
from rollout.errors import InputError

SUITES = Path(__file__).parent
GUARDS = ("rows", "columns", "values")  # the ids of the structural findings, after the suite's name


class Kind(Enum):
    """What a column's cells must be; a cell that is something else was not measured."""

    TEXT = "text"
    FLAG = "flag"
    WHOLE = "whole"
    NUMBER = "number"


class Rows(Enum):
    """Which rows a frame must have, each exactly once."""

    ONE = "one"
    PER_AGENT = "one per agent"
    PER_METRIC = "one per metric"
    PER_AGENT_AND_METRIC = "one per agent and metric"

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that tell one row from another."""
        return tuple(word for word in ("agent", "metric") if word in self.value)


class Severity(Enum):
    """What a failed check means: critical is FAIL, warning is INCONCLUSIVE. There is no check without a consequence."""

    CRITICAL = "critical"
    WARNING = "warning"


class CheckMeta(Document):
    """A check's identity and the truth it states; {name} in the sentence stands for the bound of that name."""

    id: str
    sentence: str = Field(min_length=10)
    notes: str = ""


class Check(Document):
    """One expectation, judged row by row; every row counts."""

    type: str
    kwargs: dict[str, JsonValue]
    meta: CheckMeta
    severity: Severity

    @field_validator("kwargs")
    @classmethod
    def _only_known_words(cls, kwargs: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """`mostly` and its like would let agents fail unseen; a word whose effect is not known here is refused."""
        for word, value in kwargs.items():
            if word not in WORDS:
                raise ValueError(f"{word} is not a word that a suite may use")
            WORDS[word].demand(value)
        if not any(word in kwargs for word in COLUMN_WORDS):
            raise ValueError("names no column")
        return kwargs

    @model_validator(mode="after")
    def _sentence_knows_its_bounds(self) -> Check:
        """A sentence may speak only of bounds that the check uses."""
        spoken = {field for _, field, _, _ in Formatter().parse(self.meta.sentence) if field is not None}
        if strangers := spoken - set(self.parameters.values()):
            raise ValueError(f"{self.meta.id}: the sentence speaks of {', '.join(sorted(strangers))}, which the check does not use")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose cells this check judges."""
        return tuple(str(self.kwargs[word]) for word in COLUMN_WORDS if word in self.kwargs)

    @property
    def parameters(self) -> dict[str, str]:
        """Which bound of the plan each word takes: word -> name."""
        named = {word: parameter_name(value) for word, value in self.kwargs.items()}
        return {word: name for word, name in named.items() if name is not None}

    @property
    def condition(self) -> RowCondition | None:
        """The rows this check looks at; None means all."""
        value = self.kwargs.get("row_condition")
        return None if value is None else RowCondition.model_validate(value)


class SuiteMeta(Document):
    """What a suite needs of its frame: which rows, and which columns of which kind."""

    rows: Rows
    columns: dict[str, Kind]
    notes: str = ""

    @model_validator(mode="after")
    def _keys_are_text(self) -> SuiteMeta:
        """Rows are told apart by text columns, since agents and metrics are named."""
        for key in self.rows.keys:
            if self.columns.get(key) is not Kind.TEXT:
                raise ValueError(f"rows are {self.rows.value}: columns needs {key} as text")
        return self


class Suite(Document):
    """All checks of one gate; at least one."""

    name: str
    meta: SuiteMeta
    expectations: tuple[Check, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _checks_are_told_apart(self) -> Suite:
        """Results are found again by meta.id, so ids are unique, begin with the suite's name and are not those of the guards."""
        ids = Counter(check.meta.id for check in self.expectations)
        if twice := [name for name, count in ids.items() if count > 1]:
            raise ValueError(f"two checks have the id {twice[0]}")
        for name in ids:
            suite, _, check = name.partition(".")
            if suite != self.name or not check or check in GUARDS:
                raise ValueError(f"the id {name} must be {self.name}.<something> and not one of {', '.join(GUARDS)}")
        return self

    @model_validator(mode="after")
    def _columns_are_declared(self) -> Suite:
        """A check of an undeclared column would escape the guards on its cells."""
        for check in self.expectations:
            conditioned = () if check.condition is None else (check.condition.column.name,)
            for column in (*check.columns, *conditioned):
                if column not in self.meta.columns:
                    raise ValueError(f"{check.meta.id}: meta.columns does not declare {column}")
            if conditioned and self.meta.columns[conditioned[0]] is not Kind.TEXT:
                raise ValueError(f"{check.meta.id}: row_condition needs a text column")
        return self


def read_suite(file: Path) -> Suite:
    """The suite in that file.

    Raises:
        InputError: the file is no suite; names the file, the key and the reason.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except OSError as error:
        raise InputError(file, "", error.strerror or str(error)) from error
    except ValueError as error:
        raise InputError(file, "", str(error)) from error
    suite = validated(Suite, content, file)
    if suite.name != file.stem:
        raise InputError(file, "name", f"must be {file.stem}, as the file is called")
    return suite


def _each_key_once(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """JSON keeps the last of two equal keys and drops the first without a word; a dropped bound is a silent pass."""
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"the key {twice[0]} stands twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> JsonValue:
    """A bound of NaN or Infinity bounds nothing."""
    raise ValueError(f"{name} is not a number")
