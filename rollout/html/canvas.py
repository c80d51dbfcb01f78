"""Pictures of a report as inline SVG: drawn twice, for a wide and for a narrow screen, in the page's own colours and fonts."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, NARROW = 7.2, 3.5
"""Inches; at the page's two widths both show letters of one size."""

INK, MUTED, RULE, PAPER = "#1c2126", "#59626b", "#c9ced3", "#fefefe"
ACCENT, SOFT, CONTROL, GOOD, BAD, WARM = "#1f5f8b", "#b9d0e0", "#8f5a13", "#1c6b3f", "#a3271d", "#f0e4cc"
VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    PAPER: "paper",
    ACCENT: "accent",
    SOFT: "soft",
    CONTROL: "control",
    GOOD: "good",
    BAD: "bad",
    WARM: "warm",
}
"""Each colour stands for one variable of the style sheet, which knows light and dark."""

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 8.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.linewidth": 0.6,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
}


def picture(key: str, caption: str, description: str, draw: Callable[[Figure, float], None]) -> str:
    """A figure of the page. draw: fills a figure of that width in inches, and sets its height; description: what a person sees in it."""
    drawn = "".join(_svg(f"{key}-{kind}", kind, caption, description, draw, width) for kind, width in (("wide", WIDE), ("narrow", NARROW)))
    return f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>"


def _svg(key: str, kind: str, caption: str, description: str, draw: Callable[[Figure, float], None], width: float) -> str:
    """One drawing. Its identifiers get the key in front, since several stand on one page."""
    from matplotlib import rc_context  # noqa: PLC0415 (half a second that only a page is worth)
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415

    with rc_context(SETTINGS | {"svg.hashsalt": key}):
        figure = Canvas(figsize=(width, 1.0), layout="constrained")
        draw(figure, width)
        stream = BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = stream.getvalue().decode()
    body = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]*"', body)
    body = body[body.index(">") + 1 :]
    body = re.sub(r'(\sid=")', rf"\g<1>{key}-", body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{key}-", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    body = re.sub(r"\n\s*", "\n", body)
    head = (
        f'<svg class="{kind}" role="img" aria-labelledby="{key}-t {key}-d" {box.group() if box else ""} xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return f'{head}<title id="{key}-t">{escape(caption)}</title><desc id="{key}-d">{escape(description)}</desc>{body}'


def panels(figure: Figure, width: float, count: int, heights: list[float]) -> list[Axes]:
    """One panel each: two beside each other where the page is wide. heights: inches of each."""
    columns = 2 if width == WIDE and count > 1 else 1
    rows = -(-count // columns)
    tall = [max(heights[row * columns : (row + 1) * columns]) for row in range(rows)]
    figure.set_figheight(sum(tall))
    grid = figure.add_gridspec(rows, columns, height_ratios=tall)
    return [figure.add_subplot(grid[at // columns, at % columns]) for at in range(count)]
