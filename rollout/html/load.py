"""The levels of a load test, where the day had one."""

from __future__ import annotations

from rollout.html.facts import Facts
from rollout.html.tags import As, Column, bullets, folded, section, show, table


def load(facts: Facts) -> str:
    """One row per level with what it was held to; nothing on a day without levels."""
    if not facts.report.value.get("levels"):
        return ""
    rows = []
    for level in facts.report["levels"]:
        said = f"{'held' if level['held'].value else 'not held'}: {show(level['ending'])}"
        because = bullets(map(show, level["because"]))
        rows.append(
            [
                show(level["level"]),
                show(level["rate"], As.NUMBER),
                f"{show(level['sent'], As.COUNT)} of {show(level['scheduled'], As.COUNT)}",
                show(level["p50"], As.NUMBER),
                show(level["p99"], As.NUMBER),
                show(level["error_ratio"], As.SHARE),
                show(level["cpu_cores"], As.NUMBER),
                show(level["resident_mib"], As.NUMBER),
                said + (folded("What did not pass", because) if because else ""),
            ]
        )
    columns = [
        Column("Level"), Column("Requests a second to each agent", True), Column("Sent", True), Column("Median, s", True),
        Column("Slowest in a hundred, s", True), Column("Errors", True), Column("Cores", True), Column("MiB", True), Column("Ended"),
    ]  # fmt: skip
    return section("load", "Load test", table("Levels in the order in which they ran", columns, rows, kind="dense"))
