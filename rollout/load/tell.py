"""A level as its report tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from rollout.load.measured import Measured
from rollout.report import LevelReport
from rollout.verdict import Finding, Verdict, worst


def level_report(
    level: str, rate: float, measured: Measured, agents: pd.DataFrame, hub_lag: float | None, findings: Sequence[Finding]
) -> LevelReport:
    """The figures of one level. rate: requests a second to each agent; agents: as agents_frame has them, empty when the hubs were not asked."""
    errors: Counter[str] = Counter()
    for target in measured.targets:
        errors.update({kind.value: count for kind, count in target.errors.items()})
    latency = measured.latency
    return LevelReport(
        level=level,
        rate=rate,
        seconds=measured.seconds,
        began=measured.began,
        scheduled=measured.scheduled,
        sent=measured.sent,
        lag_p99=measured.lag_p99,
        error_ratio=measured.error_ratio,
        errors=dict(errors),
        p50=latency.percentile(0.5),
        p90=latency.percentile(0.9),
        p99=latency.percentile(0.99),
        p99_9=latency.percentile(0.999),
        cpu_cores=_whole(agents, "cpu_cores", "sum"),
        resident_mib=_whole(agents, "resident_mib", "sum"),
        hub_lag=hub_lag,
        scrape_success=_whole(agents, "scrape_success_ratio", "min"),
        ending=measured.ending.value,
        held=worst(findings) is Verdict.PASS,
        because=tuple(finding.sentence for finding in findings if finding.verdict is not Verdict.PASS),
    )


def _whole(agents: pd.DataFrame, column: str, how: str) -> float | None:
    """The fleet's figure; None when any agent's is missing, since a sum over some looks like a small fleet."""
    if agents.empty or agents[column].isna().any():
        return None
    return float(agents[column].agg(how))
