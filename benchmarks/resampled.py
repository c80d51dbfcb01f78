"""How often a harmless day would come through, from the samples of days that really ran.

python benchmarks/resampled.py REPORT_FOLDER... [--attempts 200] [--seed 20]

Each attempt draws a whole day anew: per batch, as many changed agents and as many neighbours per machine as there were, with replacement, from one
of the recorded runs, each agent with all its metrics. It is judged as the flow does it, look by look, batch after batch, with the run's own placebo
and policy; the samples of an extended bake were never recorded, so a batch that does not proceed at its last look counts as held, which is stricter
than the flow. A completed day is then pooled, and counted as proven where every metric is below its bound.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rollout.judge.batch import judge_bake
from rollout.judge.day import NO_BOUNDS, judge_day
from rollout.judge.judgement import BatchJudgement
from rollout.judge.policy import JudgePolicy
from rollout.judge.restart import RestartEffect
from rollout.judgement_file import JudgedBy, read_judgements
from rollout.verdict import Verdict


@dataclass(frozen=True)
class Recorded:
    """One day's frames by batch, what a mere restart did in it, and how it was judged."""

    frames: Mapping[int, pd.DataFrame]
    placebo: Sequence[RestartEffect]
    policy: JudgedBy


def recorded(folder: Path) -> Recorded:
    """The samples of one report folder; a run that stored no policy cannot be drawn from."""
    stored = read_judgements(folder)
    if stored.policy is None:
        raise SystemExit(f"{folder}: the run did not store how it was judged")
    frames = {index: pd.read_parquet(folder / "samples" / f"batch-{index:02d}.parquet") for index in stored.batches}
    return Recorded(frames, stored.placebo, stored.policy)


def drawn(frame: pd.DataFrame, policy: JudgePolicy, dice: np.random.Generator) -> pd.DataFrame:
    """As many agents of each machine and side as there were, with replacement and renamed; those that lack a metric by their nature stay."""
    special = {agent for metric in policy.metrics for agent in metric.not_applicable}
    by_agent = dict(list(frame.groupby("agent")))
    parts = [rows for agent, rows in by_agent.items() if agent in special]
    sides = frame.loc[~frame["agent"].isin(special), ["agent", "machine", "treated"]].drop_duplicates()
    for _, side in sides.groupby(["machine", "treated"]):
        for number, agent in enumerate(dice.choice(side["agent"].to_numpy(), len(side))):
            parts.append(by_agent[agent].assign(agent=f"{agent}~{number}"))
    return pd.concat(parts, ignore_index=True)


def attempt(days: Sequence[Recorded], dice: np.random.Generator) -> str:
    """How one drawn day ends, with the batch that ended it."""
    done: list[BatchJudgement] = []
    policy = days[0].policy
    for index in sorted(days[0].frames):
        day = days[dice.integers(len(days))]
        looks = judge_bake(drawn(day.frames[index], policy.batches, dice), policy.batches, placebo=day.placebo)
        done.append(looks[-1])
        if looks[-1].verdict is Verdict.FAIL:
            return f"rolled back in batch {index}: {short_of(looks[-1], Verdict.INCONCLUSIVE)}"
        if looks[-1].verdict is not Verdict.PASS and not looks[-1].proceed:
            return f"held in batch {index}: {short_of(looks[-1], Verdict.PASS)}"
    pooled = judge_day(done, bounds=policy.day_bounds or NO_BOUNDS)
    return "complete, proven" if pooled.verdict is Verdict.PASS else "complete, not proven"


def short_of(judgement: BatchJudgement, verdict: Verdict) -> str:
    """The voting metrics with a worse verdict."""
    return ", ".join(metric.metric for metric in judgement.metrics if metric.votes and metric.verdict > verdict)


def main() -> None:
    """Draws, judges and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--attempts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    days, dice = [recorded(folder) for folder in options.folders], np.random.default_rng(options.seed)
    ends = Counter(attempt(days, dice) for _ in range(options.attempts))
    print(f"{options.attempts} days drawn from {len(days)} recorded runs, seed {options.seed}")
    for end, count in ends.most_common():
        print(f"{count:5d}  {end}")
    completed = sum(count for end, count in ends.items() if end.startswith("complete"))
    print(f"harmless days that complete: {completed / options.attempts:.1%}, goal 95 %")


if __name__ == "__main__":
    main()
