"""The words a suite may use in the kwargs of a check, and what may stand behind each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue, ValidationError

from rollout.document import Document

PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*")
CONSTANTS = frozenset({"e", "pi"})  # Great Expectations reads these as numbers and would never ask the plan


class ColumnName(Document):
    """A column, as row conditions name it."""

    name: str


class RowCondition(Document):
    """The rows a check looks at: those whose text column is, or is not, a word."""

    type: Literal["comparison"]
    column: ColumnName
    operator: Literal["==", "!="]
    parameter: str


@dataclass(frozen=True, slots=True)
class Word:
    """One kwarg: its name, what its value must be, and that in words."""

    name: str
    holds: Callable[[JsonValue], bool]
    must: str

    def demand(self, value: JsonValue) -> None:
        """Raises ValueError when the value is not what the word needs."""
        if not self.holds(value):
            raise ValueError(f"{self.name} must be {self.must}")


def parameter_name(value: JsonValue) -> str | None:
    """The bound of the plan that a value stands for; None when it stands for itself.

    Great Expectations reads arithmetic and functions out of parameters, and a NaN in them removes the bound: only plain names pass.
    """
    if not isinstance(value, dict) or set(value) != {"$PARAMETER"}:
        return None
    name = value["$PARAMETER"]
    return name if isinstance(name, str) and PLAIN_NAME.fullmatch(name) and name not in CONSTANTS else None


def _is_bound(value: JsonValue) -> bool:
    """A finite number or the plain name of one."""
    return parameter_name(value) is not None or (isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value))


def _is_list_of_values(value: JsonValue) -> bool:
    """At least one plain value: an empty or null set is satisfied by everything."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, (bool, int, float, str)) for item in value)


def _is_condition(value: JsonValue) -> bool:
    """A comparison that can be counted without Great Expectations, so that its coverage can be checked."""
    try:
        RowCondition.model_validate(value)
    except ValidationError:
        return False
    return True


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and bool(value)


def _is_switch(value: JsonValue) -> bool:
    return isinstance(value, bool)


COLUMN_WORDS = ("column", "column_A", "column_B")
BOUND_WORDS = ("min_value", "max_value", "max_ratio")
SWITCH_WORDS = ("strict_min", "strict_max", "or_equal")
WORDS = {
    word.name: word
    for word in (
        *(Word(name, _is_text, "the name of a column") for name in COLUMN_WORDS),
        *(Word(name, _is_bound, 'a finite number or {"$PARAMETER": "plain_name"}, without arithmetic') for name in BOUND_WORDS),
        *(Word(name, _is_switch, "true or false") for name in SWITCH_WORDS),
        Word("value_set", _is_list_of_values, "a list of at least one plain value"),
        Word("row_condition", _is_condition, "a comparison of a column with a word by == or !="),
    )
}
