"""What became of each agent of an optimization, where the day had one."""

from __future__ import annotations

from rollout.html.facts import Fact, Facts
from rollout.html.tags import As, Column, bullets, paragraph, section, show, table


def optimization(facts: Facts) -> str:
    """Counts, the judge's sentences and one row per agent; nothing on a day that optimises nothing."""
    done = facts.report["optimization"]
    if done.value is None:
        return ""
    rows = [
        [
            show(row["agent"]),
            show(row["outcome"]),
            _pair(row["seconds"]),
            show(row["ratio"], As.NUMBER),
            show(row["upper"], As.NUMBER),
            _pair(row["confirmed"]),
            _pair(row["first_request"]),
            _pair(row["memory"]),
            show(row["reason"]),
        ]
        for row in done["agents"]
    ]
    counts = ", ".join(f"{show(count, As.COUNT)} {name}" for name, count in zip(done["counts"].value, done["counts"], strict=True) if count.value)
    told = f"Pattern {show(done['pattern'])}; to be saved: more than {show(done['claim'], As.SHARE)} of the start-up. {counts}."
    columns = [
        Column("Agent"), Column("Outcome"), Column("Start-up, s", True), Column("Ratio", True), Column("Bound of the ratio", True),
        Column("Start-up by Prometheus, s", True), Column("First request, s", True), Column("Memory, MiB", True), Column("Because"),
    ]  # fmt: skip
    caption = "Each agent before and after, by shadow starts"
    return section(
        "optimization", "Optimization", paragraph(told), bullets(map(show, done["sentences"])), table(caption, columns, rows, kind="dense")
    )


def _pair(pair: Fact) -> str:
    """Before and after."""
    return f"{show(pair[0], As.NUMBER)} to {show(pair[1], As.NUMBER)}"
