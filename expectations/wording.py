"""Says in short text what a check demands, what it saw and of whom: nothing here decides anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from expectations.structure import Key
from expectations.suite import Check
from expectations.words import parameter_name

NAMED = 10  # a sentence names this many; the finding's agents name all


def value_text(value: object) -> str:
    """A cell or a bound as a person writes it: yes and no, numbers without noise."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, (int, float)) else str(value)


def bound_text(check: Check, bounds: Mapping[str, float]) -> str:
    """What the check demands, e.g. `samples >= 20` or `metrics_status is 200`; a bound that was not given shows its name."""
    kwargs = {word: _resolved(value, bounds) for word, value in check.kwargs.items()}
    first = check.columns[0]
    parts = []
    if "min_value" in kwargs:
        parts.append(f"{first} {'>' if check.kwargs.get('strict_min') else '>='} {kwargs['min_value']}")
    if "max_value" in kwargs:
        parts.append(f"{first} {'<' if check.kwargs.get('strict_max') else '<='} {kwargs['max_value']}")
    if "max_ratio" in kwargs:
        parts.append(f"{first} <= {kwargs['max_ratio']} x {check.columns[1]}")
    elif len(check.columns) > 1:
        parts.append(f"{first} {'>=' if check.kwargs.get('or_equal') else '>'} {check.columns[1]}")
    if isinstance(values := check.kwargs.get("value_set"), list):
        parts.append(f"{first} is {' or '.join(value_text(value) for value in values)}")
    where = "" if check.condition is None else f" where {check.condition.column.name} {check.condition.operator} {check.condition.parameter}"
    return (" and ".join(parts) or check.type) + where


def sentence(check: Check, bounds: Mapping[str, float]) -> str:
    """The truth that the check states, with its bounds filled in."""
    known = {name: value_text(bounds[name]) if name in bounds else f"<{name}>" for name in check.parameters.values()}
    return check.meta.sentence.format(**known)


def listed(names: Sequence[str], most: int = NAMED) -> str:
    """The first few names and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def key_text(key: Key) -> str:
    """Whose row it is: the agent, the metric, or both."""
    return " ".join(key) or "the only row"


def agents_of(rows: Iterable[Key], keys: Sequence[str]) -> tuple[str, ...]:
    """The agents among these rows, each once, sorted; none where rows do not belong to agents."""
    return tuple(sorted({row[keys.index("agent")] for row in rows})) if "agent" in keys else ()


def cells_text(cells: Mapping[str, object]) -> str:
    """What stands in the columns that a check looks at: `404`, or `bound 0.02, upper 0.05`."""
    if len(cells) == 1:
        return value_text(*cells.values())
    return ", ".join(f"{column} {value_text(value)}" for column, value in cells.items())


def _resolved(value: JsonValue, bounds: Mapping[str, float]) -> str:
    name = parameter_name(value)
    if name is None:
        return value_text(value)
    return value_text(bounds[name]) if name in bounds else f"<{name}>"
