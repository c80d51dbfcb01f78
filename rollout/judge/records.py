"""Judgements as plain JSON values and back, without loss."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

J = TypeVar("J")


def to_record(value: object) -> Any:  # noqa: ANN401 (JSON is untyped)
    """A frozen value as dicts, lists, strings and numbers; enums by name. Floats survive json.dumps and json.loads exactly."""
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return {field.name: to_record(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [to_record(part) for part in value]
    return value


def from_record(kind: type[J], record: Any) -> J:  # noqa: ANN401
    """The value of that kind that to_record wrote; raises KeyError or TypeError if the record is of another shape."""
    return cast("J", _revive(kind, record))


def _revive(hint: Any, record: Any) -> Any:  # noqa: ANN401
    """One value by its type hint."""
    if get_origin(hint) in (Union, UnionType):
        (plain,) = (part for part in get_args(hint) if part is not type(None))
        return None if record is None else _revive(plain, record)
    if get_origin(hint) is tuple:
        return tuple(_revive(get_args(hint)[0], part) for part in record)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint[record]
    if is_dataclass(hint):
        kind = cast("type", hint)
        known = _hints(kind)
        if set(record) != set(known):
            raise TypeError(f"a record of {kind.__name__} has {', '.join(sorted(known))}, not {', '.join(sorted(record))}")
        return kind(**{name: _revive(part, record[name]) for name, part in known.items()})
    return record


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Field types of a dataclass, resolved once."""
    return get_type_hints(kind)
