"""What a verdict costs once the last sample is there: the questions of one look at a bake of the whole fleet, and the judge on their answers.

python benchmarks/verdict.py [--rounds 5] [--site lab]   (the lab up for a few minutes, no day at work; changes nobody)

Day 1's last look, as flows/judging.py takes it: whether the source is fresh, each impact metric of all agents over the whole window with its weights,
the frame, the judgement. To the plan's four metrics comes a fifth, the requests that an agent is sent. Nobody is changed: batch 3 is judged as if it
had been at the window's start after the settling. Besides it the flow asks about health and about the hubs' agreement, which is not counted here.
Goal: at most 0.3 s and 6 queries for 77 agents and 5 metrics.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import median

import pandas as pd
from run77 import DAY, ROOT

from rollout.batches import schedule
from rollout.judge.batch import judge_batch
from rollout.judge_policy import judge_policy
from rollout.observe.frame import Samples
from rollout.observe.impact import Window, impact_samples, treated_frame
from rollout.observe.prometheus import Prometheus
from rollout.plan import ImpactForm, ImpactMetric, load_plan
from rollout.site import load_site

BATCH = 3
GOAL_SECONDS, GOAL_QUERIES = 0.3, 6
FIFTH = ImpactMetric(
    name="requests",
    form=ImpactForm.RELATIVE,
    bound=0.02,
    proceed_bound=0.05,
    serves_work=True,
    unit="1/s",
    query="sum by (machine, agent) (max without (scraped_by) (rate(load_requests_total{$selector}[$rate])))",
    measured_by="client side of the load",
)


class Counted:
    """A source that counts what it is asked. queries: since it was made."""

    def __init__(self, source: Prometheus) -> None:
        self._source = source
        self.name = source.name
        self.queries = 0

    def now(self, query: str) -> pd.DataFrame:
        """As the source answers."""
        self.queries += 1
        return self._source.now(query)

    def window(self, query: str, start: float, end: float, step: float) -> Samples:
        """As the source answers."""
        self.queries += 1
        return self._source.window(query, start, end, step)

    def require_fresh(self) -> None:
        """As the source says."""
        self.queries += 1
        self._source.require_fresh()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--site", default="lab")
    options = parser.parse_args()
    plan = load_plan(ROOT / "plans" / "week3.yaml")
    site = load_site(ROOT / "fleets" / f"{options.site}.yaml", plan.day(DAY).deadlines)
    written = plan.for_site(site.rehearsal).day(DAY)
    day = written.model_copy(update={"impact": (*written.impact, FIFTH)})
    if day.batches is None or day.bake is None:
        raise SystemExit(f"day {DAY} changes no agents")
    agents = [agent.id for agent in site.fleet.agents]
    made = schedule(site.fleet.select(day.selector), site.fleet, day.batches.size, day.batches.canary, day.batches.neighbours)
    batch = made.batches[BATCH - 1].ids
    policy = judge_policy(day, site.fleet.agents, site.scrape_interval, site.cores)
    interval, bake = site.scrape_interval, day.bake
    took, queries = [], 0
    for number in range(options.rounds + 1):
        now = site.clock.now()
        acted = now - (bake.settle + bake.after) * interval
        began = time.perf_counter()
        source = Counted(site.sources.ordered[0])
        source.require_fresh()
        samples = impact_samples(source, day.impact, agents, acted - bake.before * interval, now, interval, bake.rate * interval)
        asked = time.perf_counter() - began
        frame = treated_frame(samples, batch, [agent for agent in agents if agent not in batch], Window(acted, acted, bake.settle * interval, {}))
        judgement = judge_batch(frame, policy, bake.looks[-1], roster=batch)
        seconds = time.perf_counter() - began
        told = f"{len(frame)} rows, {source.queries} queries {asked:.2f} s, frame and judge {seconds - asked:.2f} s"
        print(
            f"{'warm-up' if number == 0 else f'round {number}'} (load {os.getloadavg()[0]:.1f}): {seconds:.2f} s, {told}: {judgement.verdict.name}",
            flush=True,
        )
        if number:
            took.append(seconds)
            queries = source.queries
    measured = f"{len(agents)} agents, {len(day.impact)} metrics"
    print(f"verdict, {measured}: median {median(took):.2f} s of {options.rounds} ({min(took):.2f} to {max(took):.2f}), goal {GOAL_SECONDS} s")
    print(f"queries: {queries}, goal {GOAL_QUERIES}")


if __name__ == "__main__":
    main()
