"""Gate: hand a frame and the plan's bounds to the expectations, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from expectations import validate
from rollout.verdict import Evidence, Finding
from tasks.task import step


@step("judge gate", "gate {suite}: {what}")
def judge_gate(
    suite: str, frame: pd.DataFrame, bounds: Mapping[str, float], evidence: Evidence, agents: Sequence[str], metrics: Sequence[str], what: str
) -> tuple[Finding, ...]:
    """One finding per check of the suite."""
    del what
    return validate(suite, frame, bounds, evidence, agents=agents, metrics=metrics)
