"""Looks at a frame before any check does: are all rows there, all columns, and is every cell a measurement?

Great Expectations passes empty frames and null cells; here they become findings, and unusable cells are blanked so that no check can
count them as judged. Needs pandas alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from numbers import Integral, Real

import numpy as np
import pandas as pd

from expectations.suite import Kind, Rows, SuiteMeta

Key = tuple[str, ...]


def _is_flag(cell: object) -> bool:
    return isinstance(cell, (bool, np.bool_))


def _is_number(cell: object) -> bool:
    return isinstance(cell, Real) and not _is_flag(cell) and math.isfinite(cell)


def _is_whole(cell: object) -> bool:
    return isinstance(cell, Real) and _is_number(cell) and (isinstance(cell, Integral) or float(cell).is_integer())


def _is_text(cell: object) -> bool:
    return isinstance(cell, str) and bool(cell)


MEASURED: Mapping[Kind, Callable[[object], bool]] = {Kind.TEXT: _is_text, Kind.FLAG: _is_flag, Kind.WHOLE: _is_whole, Kind.NUMBER: _is_number}


@dataclass(frozen=True, slots=True)
class Structure:
    """A frame as far as it can be judged, and what is wrong with the rest.

    wanted: the keys of all rows there should be; rows: those of them that are there, with their measured cells only (others are null),
    index 0..n-1; keys: the key of each of `rows`; missing, doubled: keys of wanted rows seen never, or more than once; strangers: keys
    that nobody asked for; nameless: how many rows have no key; absent: columns that are not there exactly once; blank: per column the
    keys whose cell is no measurement.
    """

    wanted: tuple[Key, ...]
    rows: pd.DataFrame
    keys: tuple[Key, ...]
    missing: tuple[Key, ...]
    doubled: tuple[Key, ...]
    strangers: tuple[Key, ...]
    nameless: int
    absent: tuple[str, ...]
    blank: Mapping[str, tuple[Key, ...]]

    def is_blank(self, columns: Sequence[str]) -> pd.Series[bool]:
        """Per row of `rows`: does any of these columns lack a measurement?"""
        return self.rows[list(columns)].isna().any(axis="columns")


def examine(frame: pd.DataFrame, needs: SuiteMeta, agents: Sequence[str], metrics: Sequence[str]) -> Structure:
    """Sorts a frame into what can be judged and what is wrong with it; never raises for what the frame holds.

    Args:
        frame: one row per key of the suite (agent, metric, both, or a single row), any index; extra columns are ignored.
        needs: the suite's rows and columns.
        agents: the identities ("machine/Agent") that must be seen.
        metrics: the metrics that must be seen, for suites with a row per metric.
    """
    keys = needs.rows.keys
    absent = tuple(column for column in needs.columns if list(frame.columns).count(column) != 1)
    wanted = wanted_keys(needs.rows, agents, metrics)
    if set(keys) & set(absent):
        return Structure(wanted, pd.DataFrame(), (), wanted, (), (), len(frame), absent, {})
    measured = pd.DataFrame(
        {column: _measured(frame[column].reset_index(drop=True), kind) for column, kind in needs.columns.items() if column not in absent},
        index=range(len(frame)),
    )
    named = measured[list(keys)].notna().all(axis="columns") if keys else pd.Series(data=True, index=measured.index)
    seen = Counter(_keys_of(measured[named], keys))
    asked = set(wanted)
    known = pd.Series([key in asked for key in _keys_of(measured, keys)], index=measured.index, dtype=bool) & named
    rows = measured[known].reset_index(drop=True)
    return Structure(
        wanted=wanted,
        rows=rows,
        keys=tuple(_keys_of(rows, keys)),
        missing=tuple(key for key in wanted if key not in seen),
        doubled=tuple(key for key in wanted if seen[key] > 1),
        strangers=tuple(sorted(set(seen) - asked)),
        nameless=int((~named).sum()),
        absent=absent,
        blank={column: tuple(dict.fromkeys(_keys_of(rows[rows[column].isna()], keys))) for column in rows.columns if rows[column].isna().any()},
    )


def wanted_keys(rows: Rows, agents: Sequence[str], metrics: Sequence[str]) -> tuple[Key, ...]:
    """The keys of all rows there should be, in the order asked for; the single row of a `one` suite has the empty key."""
    parts = {"agent": agents, "metric": metrics}
    return tuple(dict.fromkeys(product(*(parts[key] for key in rows.keys))))


def _measured(cells: pd.Series, kind: Kind) -> pd.Series:
    """The cells that are of that kind, the others null; numbers keep or get a number type, so that bounds compare numbers."""
    good = cells.map(MEASURED[kind]).astype(bool)
    kept = cells if good.all() else cells.astype(object).where(good, None)
    return pd.to_numeric(kept).astype(float) if kind in {Kind.WHOLE, Kind.NUMBER} else kept.astype(object)


def _keys_of(rows: pd.DataFrame, keys: Sequence[str]) -> list[Key]:
    """The key of each row."""
    if not keys:
        return [()] * len(rows)
    return list(zip(*(rows[key] for key in keys), strict=True))
