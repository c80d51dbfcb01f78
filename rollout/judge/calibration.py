"""A/A calibration: pretended batches on quiet data, in which every alarm is a false one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rollout.judge.batch import judge_bake
from rollout.judge.judgement import BatchJudgement
from rollout.judge.policy import JudgePolicy
from rollout.judge.power import MetricPower
from rollout.judge.quiet import plan_power
from rollout.verdict import Verdict


@dataclass(frozen=True, slots=True)
class MetricCalibration:
    """One metric over all pretended batches: share that FAILed, share that was held back, what the metric can tell, and whether to make it shadow."""

    metric: str
    false_alarms: float
    held: float
    power: MetricPower | None
    propose_shadow: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """What A/A batches showed. false_alarms, held: shares of batches with a FAIL, or neither FAIL nor leave to proceed, after one extension.

    sufficient_after: shortest of the windows tried (samples after settle) in which every voting metric resolves its proceed bound; None if
    none does.
    """

    batches: int
    seed: int
    false_alarms: float
    held: float
    metrics: tuple[MetricCalibration, ...]
    sufficient_after: int | None


def calibrate(quiet_frame: pd.DataFrame, policy: JudgePolicy, batches: int, seed: int, batch_size: int = 10) -> Calibration:
    """Runs the judge over random pretended batches in quiet data (design; issue, A/A calibration).

    quiet_frame: as for judge_batch but long: t is any clock in seconds; `treated` is ignored. Each pretended batch takes random agents and a
    random moment with full windows on both sides. Raises ValueError if the data are too short for one batch.
    """
    rng = np.random.default_rng(seed)
    scrape = policy.scrape_interval
    first, last = float(quiet_frame["t"].min()), float(quiet_frame["t"].max())
    room = (first + min(policy.before, policy.after) * scrape, last - (policy.settle + policy.after + policy.extension - 1) * scrape)
    if not room[1] >= room[0]:
        raise ValueError("the quiet data are shorter than one batch with its windows")
    agents = np.sort(quiet_frame["agent"].astype(str).unique())
    bakes, powers = [], []
    for _ in range(batches):
        chosen = rng.choice(agents, size=min(batch_size, len(agents) - 1), replace=False)
        frame = _pretend(quiet_frame, rng.uniform(*room), set(chosen), policy)
        bakes.append(judge_bake(frame, policy, extend=True)[-1])
        powers.append({one.metric: one for one in plan_power(frame, policy, len(chosen), max(1, len(agents) - len(chosen)))})
    names = [metric.metric for metric in bakes[0].metrics] if bakes else []
    metrics = tuple(_one_metric(name, bakes, powers, policy) for name in names)
    failed = [bake.verdict is Verdict.FAIL for bake in bakes]
    held = [not bake.proceed and bake.verdict is not Verdict.FAIL for bake in bakes]
    middle = _pretend(quiet_frame, sum(room) / 2, set(), policy)
    return Calibration(batches, seed, _share(failed), _share(held), metrics, _sufficient(middle, policy, batch_size, len(agents)))


def _pretend(frame: pd.DataFrame, moment: float, chosen: set[str], policy: JudgePolicy) -> pd.DataFrame:
    """The windows around a moment as if those agents had been changed then."""
    ends = (policy.settle + policy.after + policy.extension) * policy.scrape_interval
    t = frame["t"].to_numpy(dtype=float) - moment
    rows = frame[(t >= -(policy.before + 1) * policy.scrape_interval) & (t < ends)]
    return rows.assign(t=rows["t"].to_numpy(dtype=float) - moment, treated=rows["agent"].astype(str).isin(chosen).to_numpy())


def _one_metric(name: str, bakes: list[BatchJudgement], powers: list[dict[str, MetricPower]], policy: JudgePolicy) -> MetricCalibration:
    """One metric's share of the alarms; noisy ones are proposed for shadow."""
    judged = [metric for bake in bakes for metric in bake.metrics if metric.metric == name]
    alarms = _share([metric.verdict is Verdict.FAIL for metric in judged])
    held = _share([not metric.proceed and metric.verdict is not Verdict.FAIL for metric in judged])
    known = [power[name] for power in powers if name in power]
    middle = sorted(known, key=lambda power: power.sigma)[len(known) // 2] if known else None
    noisy = alarms > max(policy.alpha, 1.5 / len(bakes)) or middle is None or middle.detectable > policy.canary_bound
    return MetricCalibration(name, alarms, held, middle, noisy)


def _sufficient(frame: pd.DataFrame, policy: JudgePolicy, batch_size: int, agents: int) -> int | None:
    """The shortest of the policy's own windows whose gates all resolve."""
    for after in (*policy.looks, policy.after + policy.extension):
        shorter = replace(policy, after=after, looks=(after,), extension=0)
        powers = plan_power(frame, shorter, batch_size, max(1, agents - batch_size))
        if powers and all(power.resolves or power.shadow for power in powers):
            return after
    return None


def _share(flags: list[bool]) -> float:
    """Share of true ones; zero of none."""
    return sum(flags) / len(flags) if flags else 0.0
