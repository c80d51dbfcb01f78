"""How often the judge is wrong, how much it finds, and how long it takes, beside other tools' rules.

python benchmarks/judge.py [--cases N] [--seed S] [--cell NAME] [--times]
Writes benchmarks/judge-table.md when all cells were run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import ndtri

import fleets
from rollout.judge.batch import judge_bake, judge_batch
from rollout.judge.panel import Panel, read_panel
from rollout.judge.policy import JudgePolicy
from rollout.judge.robust import Floats
from rollout.verdict import Verdict

POLICY = JudgePolicy()
TABLE = Path(__file__).with_name("judge-table.md")
EXTENDED = 104  # scrapes after activation that the extended bake needs
QUIET_FACTOR = 2  # cells with a goal of one percent get that many more cases
# Other tools' published rules, as quoted in the design of the judge.
THRESHOLD = 1.02
ERROR_MARGIN = 0.005
MEASUREMENT = 4  # scrapes in one of Argo's and Flagger's measurements: a minute
FLAGGER_THRESHOLD = 5  # failed checks before a rollback, as in its first tutorial
KAYENTA_CONFIDENCE, KAYENTA_SHARE = 0.98, 0.25


def mean_over(panel: Panel) -> bool:
    """Rolls back if some metric's fleet-wide mean of the batch rose by more than 2 % (errors: half a point)."""
    return any(_exceeds(before.mean(), after.mean(), ratio) for before, after, ratio in _batches(panel))


def argo(panel: Panel) -> bool:
    """Repeated threshold with failureLimit 0: one failed measurement ends the rollout; fewer than five errors in a row are tolerated."""
    return any(_failed_checks(before, after, ratio, missing_fails=False) > 0 for before, after, ratio in _batches(panel))


def flagger(panel: Panel) -> bool:
    """Failed checks reach the threshold; a check without data failed."""
    return any(_failed_checks(before, after, ratio, missing_fails=True) >= FLAGGER_THRESHOLD for before, after, ratio in _batches(panel))


def kayenta(panel: Panel) -> bool:
    """Before against after: HIGH if the 98 % Mann-Whitney bound exceeds a quarter of the Hodges-Lehmann shift and the mean ratio exceeds one."""
    return any(_high(before, after) for before, after, _ in _batches(panel))


def _batches(panel: Panel) -> list[tuple[Floats, Floats, bool]]:
    """Mean over the batch at each sample, before and after, per metric; NaN samples left out."""
    found = []
    for at in range(len(panel.metrics)):
        values = panel.values[at][panel.treated]
        held = ~np.isnan(values)
        seen = held.sum(axis=0)
        mean = np.where(seen > 0, np.where(held, values, 0.0).sum(axis=0) / np.maximum(seen, 1), np.nan)
        before, after = mean[: panel.before], mean[panel.before :]
        found.append((before[~np.isnan(before)], after, bool(panel.ratio[at])))
    return [(before, after[~np.isnan(after)], ratio) for before, after, ratio in found]


def _exceeds(before: float, after: float, ratio: bool) -> bool:
    """Whether a mean is beyond its margin."""
    return bool(after > before + ERROR_MARGIN) if ratio else bool(after > before * THRESHOLD)


def _failed_checks(before: Floats, after: Floats, ratio: bool, *, missing_fails: bool) -> int:
    """Measurements of a minute beyond the margin."""
    whole = len(after) // MEASUREMENT
    checks = after[: whole * MEASUREMENT].reshape(whole, MEASUREMENT).mean(axis=1)
    failed = sum(_exceeds(before.mean(), check, ratio) for check in checks)
    return failed + (0 if whole or not missing_fails else FLAGGER_THRESHOLD)


def _high(before: Floats, after: Floats) -> bool:
    """Kayenta's HIGH for two samples in time, by the normal order statistics of their differences."""
    differences = np.sort((after[:, None] - before[None, :]).ravel())
    n, m = len(after), len(before)
    width = ndtri(0.5 + KAYENTA_CONFIDENCE / 2) * np.sqrt(n * m * (n + m + 1) / 12.0)
    lower = differences[max(0, round(n * m / 2 - width) - 1)]
    return bool(lower > KAYENTA_SHARE * abs(np.median(differences)) and after.mean() / before.mean() >= 1.0)


RULES: dict[str, Callable[[Panel], bool]] = {
    "mean > 2 %": mean_over,
    "Argo": argo,
    "Flagger": flagger,
    "Kayenta": kayenta,
}


@dataclass(frozen=True)
class Cell:
    """One row of the table: a kind of fleet, an effect, and the goal for the share of FAILs."""

    name: str
    world: fleets.World
    effect: fleets.Effect
    goal: str

    @property
    def harmless(self) -> bool:
        """Whether every FAIL is a false one."""
        return self.effect == fleets.NO_EFFECT


def _latency(factor: float, agents: int | None = None) -> fleets.Effect:
    """A latency effect on so many agents of the batch."""
    return fleets.Effect({"latency": factor}, agents=agents)


REAL = replace(fleets.REALISTIC, after=EXTENDED)
CELLS = (
    Cell("no effect, realistic", REAL, fleets.NO_EFFECT, "<= 0.01"),
    Cell("no effect, diurnal", replace(fleets.TIDAL, after=EXTENDED), fleets.NO_EFFECT, "<= 0.01"),
    Cell("no effect, 25 % missing", replace(fleets.GAPPY, after=EXTENDED), fleets.NO_EFFECT, "<= 0.01"),
    Cell("no effect, noisy neighbour", replace(fleets.NOISY_NEIGHBOUR, after=EXTENDED), fleets.NO_EFFECT, "<= 0.02"),
    Cell("no effect, twice the noise", replace(REAL, loud=2.0), fleets.NO_EFFECT, "<= 0.01"),
    Cell("no effect, tails t(2.5)", replace(REAL, tails=2.5), fleets.NO_EFFECT, "<= 0.01"),
    Cell("+5 % latency, all", fleets.REALISTIC, _latency(1.05), ">= 0.55"),
    Cell("+10 % latency, all", fleets.REALISTIC, _latency(1.10), ">= 0.97"),
    Cell("+20 % latency, all", fleets.REALISTIC, _latency(1.20), ">= 0.995"),
    Cell("+20 % latency on 3 of 10", fleets.REALISTIC, _latency(1.20, 3), ">= 0.60"),
    Cell("+50 % latency on 1 of 10", fleets.REALISTIC, _latency(1.50, 1), ">= 0.85"),
    Cell("memory +3 %", fleets.REALISTIC, fleets.Effect({"memory": 1.03}), ">= 0.95"),
    Cell("errors +1 point", fleets.REALISTIC, fleets.Effect(errors=0.01), ">= 0.95"),
    Cell("+5 % latency, like wander", replace(fleets.REALISTIC, same_wander=True), _latency(1.05), ">= 0.55"),
)


def run_cell(cell: Cell, cases: int, seed: int) -> str:
    """One row: shares over independent simulated fleets."""
    rng = np.random.default_rng(seed)
    fails, proceeds, passes, looks, blamed, wrong = 0, 0, 0, [], 0, 0
    others = dict.fromkeys(RULES, 0)
    spent = dict.fromkeys(("ours", *RULES), 0.0)
    for _ in range(cases):
        case = fleets.simulate(rng, cell.world, cell.effect)
        started = time.perf_counter()
        last = judge_bake(case.frame, POLICY, extend=cell.harmless)[-1]
        spent["ours"] += time.perf_counter() - started
        fails += last.verdict is Verdict.FAIL
        proceeds += last.proceed
        passes += last.verdict is Verdict.PASS
        if last.verdict is Verdict.FAIL:
            looks.append(last.samples)
            blamed += len(last.guilty)
            wrong += len(set(last.guilty) - set(case.affected))
        panel = read_panel(case.frame, POLICY, POLICY.after)
        for name, rule in RULES.items():
            started = time.perf_counter()
            others[name] += rule(panel)
            spent[name] += time.perf_counter() - started
    look = f"{(POLICY.settle + float(np.median(looks))) * POLICY.scrape_interval / 60:.0f}" if looks else "-"
    figures = [f"{fails / cases:.4f}", *(f"{others[name] / cases:.3f}" for name in RULES)]
    judged = f"{proceeds / cases:.4f} | {passes / cases:.3f}" if cell.harmless else "- | -"
    pace = " / ".join(f"{1000 * spent[name] / cases:.1f}" for name in spent)
    return f"| {cell.name} | {cell.goal} | {cases} | {' | '.join(figures)} | {judged} | {look} | {wrong} of {blamed} | {pace} |"


def blackouts(cases: int, seed: int) -> list[str]:
    """What no data and no neighbours lead to: shares of PASS, FAIL and leave to proceed."""
    rng = np.random.default_rng(seed)
    counted = {"blackout of everybody": [0, 0, 0], "blackout of the batch": [0, 0, 0], "no same-machine controls": [0, 0, 0]}
    for _ in range(cases):
        frame = fleets.simulate(rng, fleets.NOISY_NEIGHBOUR, _latency(1.2)).frame
        late = frame["t"] >= 0
        views = (frame[~late], frame[~(late & frame["treated"])], frame[frame["treated"] | (frame["machine"] != "m0")])
        for tally, view in zip(counted.values(), views, strict=True):
            last = judge_bake(view, POLICY)[-1]
            for at, seen in enumerate((last.verdict is Verdict.PASS, last.verdict is Verdict.FAIL, last.proceed)):
                tally[at] += seen
    return [f"| {name} | {cases} | {passed} | {failed} | {went_on} |" for name, (passed, failed, went_on) in counted.items()]


def times(seed: int) -> list[str]:
    """Seconds for one judgement of 77 / 1 000 / 10 000 agents x 5 metrics x 120 samples; best and median of five; labels as categories and text."""
    rows = []
    for agents, goal in ((77, 0.1), (1000, 0.6), (10_000, 1.5)):
        rng = np.random.default_rng(seed)
        machines = np.arange(agents) % max(2, agents // 100)
        values = np.exp(rng.normal(0.0, 0.1, (5, agents, 120)))
        grid = np.arange(-60, 60) * POLICY.scrape_interval
        frame = fleets.to_frame(values, None, machines, rng.choice(agents, agents // 8, replace=False), grid, np.ones(values.shape, dtype=bool))
        text = frame.astype({"agent": "str", "machine": "str", "metric": "str"})
        for kind, given in (("categories", frame), ("text", text)):
            spent = []
            for _ in range(5):
                started = time.perf_counter()
                judge_batch(given, POLICY)
                spent.append(time.perf_counter() - started)
            rows.append(f"| {agents} | {kind} | {min(spent):.3f} | {float(np.median(spent)):.3f} | <= {goal} |")
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Runs what was asked for and prints it; the whole table is written next to this file."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=500, help="cases of a cell; cells whose goal is <= 0.01 or <= 0.02 get twice as many")
    asked.add_argument("--seed", type=int, default=20)
    asked.add_argument("--cell", default="", help="only cells whose name contains this")
    asked.add_argument("--times", action="store_true", help="only the times")
    options = asked.parse_args()
    if options.times:
        times(options.seed)
        return
    rows = []
    for cell in CELLS:
        if options.cell in cell.name:
            rows.append(run_cell(cell, options.cases * (QUIET_FACTOR if cell.harmless else 1), options.seed))
            print(rows[-1], flush=True)
    if options.cell:
        return
    dark = blackouts(max(50, options.cases // 5), options.seed)
    print(*dark, sep="\n", flush=True)
    clock = times(options.seed)
    TABLE.write_text(_page(options.cases, options.seed, rows, dark, clock), encoding="utf-8")


def _page(cases: int, seed: int, rows: list[str], dark: list[str], clock: list[str]) -> str:
    """The committed table."""
    return f"""# The judge on simulated fleets

`python benchmarks/judge.py --cases {cases} --seed {seed}`; four metrics, 77 agents, batches of 10, looks at 6, 9, 12 and 15 minutes.
Shares of batches that FAIL; "goes on" and PASS after at most one extension. The generator is our own (`benchmarks/fleets.py`);
the figures say how the judge does there.

| case | goal | cases | ours | {" | ".join(RULES)} | goes on | PASS | minute | wrong names | ms each |
|---|---|---|---|{"---|" * len(RULES)}---|---|---|---|---|
{chr(10).join(rows)}

minute: median of the look that FAILed. ms each: ours / {" / ".join(RULES)}; ours with reading the frame and all looks, the others without reading.

| without evidence | cases | PASS | FAIL | goes on |
|---|---|---|---|---|
{chr(10).join(dark)}

| agents (x 5 metrics x 120 samples) | labels | best s | median s | goal |
|---|---|---|---|---|
{chr(10).join(clock)}
"""


if __name__ == "__main__":
    main()
