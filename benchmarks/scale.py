"""How planner, judge and report grow with the fleet: 100, 1 000 and 10 000 agents, each in a process of its own.

python benchmarks/scale.py [--rounds 5]

Planner: the schedule of a fleet in machines of fifty, in which every agent but the first of its machine depends on the one before, in ten batches.
Judge: one judgement of a tenth of the agents, five metrics, 120 samples. Report: report.json, report.md and report.html (without pictures, whose
size does not depend on the agents) of a day that changed all of them.
Seconds are medians of the rounds, growth is per agent against the size before; memory is the process's peak. Goal: linear, a page of at most 5 MB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

import fleets
from rollout.batches import schedule
from rollout.fleet import Agent, Fleet
from rollout.html import ReportFolder, render_page
from rollout.judge.batch import judge_batch
from rollout.judge.policy import JudgePolicy
from rollout.report import AgentReport, BatchReport, DayReport, Outcome
from rollout.report_file import HTML, replace_file, write_report

SIZES = (100, 1_000, 10_000)
ON_A_MACHINE = 50
PAGE_GOAL = 5.0
"""MB."""


def fleet_of(agents: int) -> Fleet:
    """Machines of fifty, each a chain of dependencies."""
    made = []
    for number in range(agents):
        machine, place = f"machine{number // ON_A_MACHINE:03d}", number % ON_A_MACHINE
        before = (f"{machine}/Agent{place - 1}",) if place else ()
        made.append(Agent(machine, "group", f"Agent{place}", 10_000 + place, 20_000 + place, depends_on=before))
    return Fleet("simulated", tuple(made))


def plan(agents: int) -> Callable[[], None]:
    """Ten batches."""
    fleet = fleet_of(agents)
    return lambda: _ignore(schedule(fleet.agents, fleet, size=agents // 10))


def judge(agents: int) -> Callable[[], None]:
    """A tenth of the agents against the others of their machines."""
    rng, policy = np.random.default_rng(20), JudgePolicy()
    values = np.exp(rng.normal(0.0, 0.1, (5, agents, 120)))
    treated = rng.choice(agents, agents // 10, replace=False)
    grid = np.arange(-60, 60) * policy.scrape_interval
    frame = fleets.to_frame(values, None, np.arange(agents) // ON_A_MACHINE, treated, grid, np.ones(values.shape, dtype=bool))
    return lambda: _ignore(judge_batch(frame, policy))


def report(agents: int, folder: Path) -> Callable[[], None]:
    """A day that changed all of them, ten batches."""
    fleet = fleet_of(agents)
    made = schedule(fleet.agents, fleet, size=agents // 10)
    rows = tuple(
        AgentReport(agent=agent.id, batch=batch.index, step="verified", verified=True, state="healthy, metrics on", pid_before=7, pid_after=8,
                    started_before=1.0, started_after=2.0, configured_before="a" * 64, configured_after="b" * 64, away_seconds=1.5,
                    downtime_seconds=1.5, unplanned_seconds=0.0, requests_lost=2.0)
        for batch in made.batches
        for agent in batch.agents
    )  # fmt: skip
    batches = tuple(
        BatchReport(index=each.index, agents=each.ids, canary=each.is_canary, began=1.0, verified=2.0, ended=3.0, decision="promote", extensions=0,
                    checks=())
        for each in made.batches
    )  # fmt: skip
    written = DayReport(
        run_id="run", plan="week3", day=1, title="Exporters", site="lab", fleet=fleet.name, rehearsal="", outcome=Outcome.COMPLETE, exit_code=0,
        sentence="Day 1 is complete.", cause="", pace=1.0, started=0.0, ended=4.0, criteria=(), batches=batches, agents=rows, rollback=None,
        unknowns=(), evidence={},
    )  # fmt: skip

    def tell() -> None:
        write_report(folder, written)
        replace_file(folder / HTML, render_page(ReportFolder.read(folder), drawn=False))

    return tell


def timed(work: Callable[[], None], rounds: int) -> float:
    """Median seconds."""
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return median(spent)


def measure(agents: int, rounds: int) -> dict[str, float]:
    """Seconds by part, the page's MB, and the peak MiB of this process, which does nothing else."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        seconds = {"planner": timed(plan(agents), rounds), "judge": timed(judge(agents), rounds), "report": timed(report(agents, folder), rounds)}
        page = (folder / HTML).stat().st_size / 1e6
    return seconds | {"page MB": page, "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _ignore(_result: object) -> None:
    """What was computed does not matter here."""


def main() -> None:
    """Measures and prints one line a size."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=5)
    rounds = asked.parse_args().rounds
    before: dict[str, float] = {}
    for index, agents in enumerate(SIZES):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, (agents, rounds))
        told = []
        for part, value in found.items():
            growth = f" (x{value / before[part] / (agents / SIZES[index - 1]):.2f} per agent)" if before else ""
            told.append(f"{part} {value:.3g}{growth}")
        print(f"{agents:>6} agents: {', '.join(told)}", flush=True)
        before = found
    print(f"goal: a page of at most {PAGE_GOAL:g} MB, growth per agent about 1")


if __name__ == "__main__":
    main()
