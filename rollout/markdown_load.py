"""The levels of a load test as a table, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.markdown_table import table
from rollout.report import LevelReport

HEAD = (
    "Level",
    "Offered",
    "Sent",
    "Errors",
    "p50 / p90 / p99 / p99.9",
    "CPU of all agents",
    "Memory of all agents",
    "Worst hub lag",
    "Worst scrapes",
    "Held",
)


def levels_table(levels: Sequence[LevelReport]) -> str:
    """One row a level, and in its last cell why it did not hold."""
    return table(HEAD, [_row(level) for level in levels])


def _row(level: LevelReport) -> list[str]:
    percentiles = " / ".join(_figure(seconds, "{:.0f}", 1000) for seconds in (level.p50, level.p90, level.p99, level.p99_9)) + " ms"
    kinds = ", ".join(f"{count} {kind}" for kind, count in level.errors.items())
    share = _figure(level.error_ratio, "{:.2f} %", 100)
    return [
        f"{level.level}, {level.rate:g}/s to each agent",
        f"{level.scheduled} in {level.seconds:.0f} s ({level.scheduled / level.seconds:.0f}/s)",
        f"{level.sent}, {_figure(level.lag_p99, '{:.0f} ms', 1000)} late at p99",
        f"{share} ({kinds})" if kinds else share,
        percentiles,
        _figure(level.cpu_cores, "{:.2f} cores"),
        _figure(level.resident_mib, "{:.0f} MiB"),
        _figure(level.hub_lag, "{:.1f} s"),
        _figure(level.scrape_success, "{:.1f} %", 100),
        "**held**" if level.held else f"not: {'; '.join(level.because)}",
    ]


def _figure(value: float | None, form: str, scale: float = 1) -> str:
    return "not measured" if value is None else form.format(scale * value)
