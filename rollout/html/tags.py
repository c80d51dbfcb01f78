"""Small pieces of HTML; every text that comes from a run is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from html import escape

from rollout.html.facts import Fact

NOT_MEASURED = '<span class="none">not measured</span>'
MINUS = "\N{MINUS SIGN}"
MINUTE, HOUR = 60.0, 3600.0


class As(Enum):
    """How a value is written.

    clock, date: of Unix seconds, UTC; share: of one, in per cent; percent, points, amount: signed; limit: points without a sign.
    """

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"
    CLOCK = "clock"
    DATE = "date"
    SECONDS = "seconds"
    SHARE = "share"
    PERCENT = "percent"
    POINTS = "points"
    LIMIT = "limit"
    AMOUNT = "amount"


def _seconds(value: float) -> str:
    if abs(value) >= 2 * HOUR:
        return f"{value / HOUR:.1f} h"
    return f"{value:.1f} s" if abs(value) < 10 * MINUTE else f"{value / MINUTE:.1f} min"


WRITTEN: dict[As, Callable[..., str]] = {
    As.TEXT: str,
    As.COUNT: lambda value: f"{value:d}",
    As.NUMBER: lambda value: f"{value:.4g}",
    As.CLOCK: lambda value: f"{datetime.fromtimestamp(value, UTC):%H:%M:%S}",
    As.DATE: lambda value: f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}",
    As.SECONDS: _seconds,
    As.SHARE: lambda value: f"{100 * value:.0f} %" if value >= 0.1 or not value else f"{100 * value:.1f} %",
    As.PERCENT: lambda value: f"{100 * value:+.1f} %",
    As.POINTS: lambda value: f"{100 * value:+.2f} points",
    As.LIMIT: lambda value: f"{100 * value:.2f} points",
    As.AMOUNT: lambda value: f"{value:+.3g}",
}


def show(fact: Fact, written: As = As.TEXT) -> str:
    """The fact as it is read, with the place that it comes from; an unknown one says that it was not measured."""
    if fact.value is None:
        return NOT_MEASURED
    text = WRITTEN[written](fact.value)
    text = escape(text) if written in (As.TEXT, As.DATE) else text.replace("-", MINUS)
    return f'<data value="{escape(str(fact.value))}" data-from="{escape(fact.place)}" data-as="{written.value}">{text}</data>'


def listed(facts: Iterable[Fact], joint: str = ", ") -> str:
    """Texts one after the other."""
    return joint.join(show(fact) for fact in facts)


def chip(fact: Fact) -> str:
    """A verdict with its own mark, so that colour is never the only sign."""
    return f'<span class="chip {escape(str(fact.value).lower().replace(" ", "-"))}">{show(fact)}</span>'


@dataclass(frozen=True, slots=True)
class Column:
    """One column. numeric: its values line up on the right."""

    title: str
    numeric: bool = False


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """A table whose first column names its rows; on a narrow screen each row becomes a block, the roles keep it a table for a screen reader."""
    head = "".join(f'<th scope="col" role="columnheader"{_side(column)}>{escape(column.title)}</th>' for column in columns)
    body = "".join(f'<tr role="row">{_cells(columns, row)}</tr>' for row in rows)
    return (
        f'<table role="table"{f""" class="{kind}" """.rstrip() if kind else ""}><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody></table>'
    )


def _cells(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *others = zip(columns, row, strict=True)
    lead = f'<th scope="row" role="rowheader">{first[1]}</th>'
    return lead + "".join(f'<td role="cell"{_side(column)} data-label="{escape(column.title)}">{cell}</td>' for column, cell in others)


def _side(column: Column) -> str:
    return ' class="number"' if column.numeric else ""


def section(identity: str, title: str, *parts: str) -> str:
    """A numbered section; the numbers are the style sheet's."""
    return f'<section id="{identity}" aria-labelledby="{identity}-title"><h2 id="{identity}-title">{escape(title)}</h2>{"".join(parts)}</section>'


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of text that is HTML already."""
    return f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{text}</p>"


def bullets(items: Iterable[str]) -> str:
    """A list; nothing without items."""
    told = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{told}</ul>" if told else ""


def folded(title: str, content: str) -> str:
    """What is there to be opened."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"
