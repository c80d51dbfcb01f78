"""`rollout judge`, `rollout replay`, `rollout calibrate`: the judge by itself, on files, on an old run, on quiet data."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.checkout import plan_file, site_file

if TYPE_CHECKING:
    from rollout.judge.calibration import Calibration
    from rollout.judge.judgement import BatchJudgement
    from rollout.judge.policy import JudgePolicy
    from rollout.plan import Day

DEFAULT = plan_file("week3")
ROLLED_BACK, HELD, DIFFERS = 3, 4, 1

SiteName = Annotated[str, typer.Option("--site", help="Which place: the file fleets/<site>.yaml.")]
PlanFile = Annotated[Path, typer.Option("--plan", help="The plan file.", show_default="plans/week3.yaml")]


def judge(
    frame: Annotated[Path, typer.Argument(metavar="FRAME", help="Parquet or CSV: agent, machine, metric, t, value, treated.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the judgement as JSON.")] = False,
    plan: PlanFile = DEFAULT,
    day: Annotated[int | None, typer.Option(help="Judge by this day of the plan; by default 2 % for every metric, half a point for errors.")] = None,
    site: SiteName = "lab",
    scrape_interval: Annotated[
        float | None, typer.Option(help="Seconds between samples; by default 15, or the site's with --day.", min=0.001)
    ] = None,
    look: Annotated[int | None, typer.Option(help="Samples after settle to judge at; by default the end of the bake.")] = None,
) -> None:
    """Judge one batch from a file of samples; exit code 0: it may go on, 3: it goes back, 4: a person decides."""
    from dataclasses import replace

    from rollout.errors import Refused
    from rollout.frame_file import read_frame, refuse_denser
    from rollout.judge.batch import judge_batch
    from rollout.judge.policy import JudgePolicy

    policy = JudgePolicy() if day is None else _policy_of(plan, day, site)[1]
    if scrape_interval is not None:
        policy = replace(policy, scrape_interval=scrape_interval)
    samples = read_frame(frame)
    refuse_denser(frame, samples, policy.scrape_interval)
    try:
        judged = judge_batch(samples, policy, look)
    except ValueError as error:
        raise Refused(str(error)) from error
    if as_json:
        named = {name: list(getattr(judged, name)) for name in ("guilty", "suspects", "unseen", "uncontrolled", "contaminated")}
        print(json.dumps(judged.to_record() | named, indent=1))
    else:
        _tell(judged)
    raise typer.Exit(_exit_code(judged))


def replay(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")],
    site: SiteName = "lab",
    plan: PlanFile = DEFAULT,
) -> None:
    """Judge a run again from its stored samples; exit code 1 and the first difference if anything differs."""
    from rollout.judgement_file import JudgedBy, read_judgements
    from rollout.replay import replay as replay_run
    from rollout.report_file import read_report
    from rollout.site_file import load_site_file

    document, _ = load_site_file(site_file(site))
    folder = document.state / "reports" / run
    stored = read_judgements(folder)
    policy = stored.policy
    if policy is None:
        report = read_report(folder)
        day, batches = _policy_of(plan, 1 if report is None else report.day, site)
        policy = JudgedBy(batches, None, {metric.name: metric.day_bound for metric in day.impact if metric.day_bound is not None})
        print("This run did not store its policy; the plan's of today is used, and the soak's stored verdict.")
    for each in replay_run(folder, stored, policy):
        print(f"{each.what}: {each.verdict}, " + ("the same" if each.difference is None else f"first difference: {each.difference}"))
        if each.difference is not None:
            raise typer.Exit(DIFFERS)
    print("Every verdict and every number is reproduced.")


def calibrate(
    site: SiteName = "lab",
    minutes: Annotated[float, typer.Option(help="How far back the quiet data reach.", min=0.1)] = 10,
    batches: Annotated[int, typer.Option(help="Pretended batches.", min=1)] = 200,
    day: Annotated[int, typer.Option(help="Day of the plan whose metrics and windows are tried.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the random batches and moments.", min=0)] = 1,
    plan: PlanFile = DEFAULT,
) -> None:
    """Run the judge over quiet data with pretended batches, in which every alarm is a false one. Nothing is touched."""
    from rollout.clock import SystemClock
    from rollout.errors import Refused
    from rollout.judge.calibration import calibrate as run_calibration
    from rollout.quiet import quiet_window, sources_of
    from rollout.site_file import load_site_file

    document, fleet = load_site_file(site_file(site))
    planned, policy = _policy_of(plan, day, site)
    if planned.batches is None or planned.bake is None:
        raise Refused(f"day {day} has no batches to calibrate")
    needed = (min(policy.before, policy.after) + policy.settle + policy.after + policy.extension) * policy.scrape_interval
    if 60 * minutes < needed:
        raise Refused(
            f"one batch with its windows needs {needed:g} s of quiet data: --minutes {math.ceil(needed / 60)} at least, better ten times that"
        )
    clock = SystemClock()
    end = clock.now()
    source = sources_of(document, clock, planned.deadlines.query).usable()
    rate = planned.bake.rate * policy.scrape_interval
    quiet = quiet_window(source, planned, fleet, (end - 60 * minutes, end), policy.scrape_interval, rate)
    try:
        calibration = run_calibration(quiet.frame, policy, batches, seed, planned.batches.size)
    except ValueError as error:
        raise Refused(f"{quiet.source} does not hold enough quiet data of this fleet: {error}") from error
    agents = quiet.frame["agent"].nunique()
    print(f"{batches} pretended batches of {planned.batches.size} among {agents} agents, {minutes:g} minutes of {quiet.source}, seed {seed}")
    if quiet.restarted is None:
        print("Whether agents restarted meanwhile is not known: no source has their start times.")
    elif quiet.restarted:
        print(f"Left out, restarted meanwhile: {', '.join(quiet.restarted)}")
    _tell_calibration(calibration, policy.alpha, policy.scrape_interval)


def _policy_of(plan_file: Path, number: int, site: str) -> tuple[Day, JudgePolicy]:
    """A day of the plan as it holds at the site, and the judge's policy for it; from files alone."""
    from rollout.judge_policy import judge_policy
    from rollout.plan import load_plan
    from rollout.site_file import load_site_file

    document, fleet = load_site_file(site_file(site))
    day = load_plan(plan_file).for_site(document.rehearsal).day(number)
    return day, judge_policy(day, fleet.agents, document.scrape_interval, document.cores)


def _tell(judged: BatchJudgement) -> None:
    """The verdict, then one sentence per metric."""
    names = f"; guilty: {', '.join(judged.guilty)}" if judged.guilty else ""
    print(f"{judged.verdict.name}, {'may go on' if judged.proceed else 'may not go on'}: {len(judged.treated)} agents{names}")
    for sentence in judged.sentences:
        print(f"  {sentence}")


def _exit_code(judged: BatchJudgement) -> int:
    """What a run would do: promote, roll back, or hold for a person."""
    from rollout.verdict import Verdict

    if judged.verdict is Verdict.FAIL:
        return ROLLED_BACK
    return 0 if judged.verdict is Verdict.PASS or judged.proceed else HELD


def _tell_calibration(calibration: Calibration, alpha: float, scrape_interval: float) -> None:
    """Rates, one line per metric, what to do about noisy ones, and the windows that suffice."""
    print(f"False alarms {calibration.false_alarms:.1%} (the judge allows itself {alpha:.1%}), held back {calibration.held:.1%} after one extension")
    for metric in calibration.metrics:
        power = metric.power
        known = "too few agents to tell its noise" if power is None else f"sigma {power.sigma:.4f}; {power.sentence.partition(': ')[2]}"
        print(f"  {metric.metric}: false alarms {metric.false_alarms:.1%}, held {metric.held:.1%}, {known}")
    noisy = [metric.metric for metric in calibration.metrics if metric.propose_shadow]
    print(f"Proposed for shadow: {', '.join(noisy) or 'none'}")
    after = calibration.sufficient_after
    if all(metric.power is None or metric.power.shadow for metric in calibration.metrics):
        print("No metric that could be measured has a vote, so no window is asked for.")
    elif after is None:
        print("None of the plan's windows resolves every gate: larger batches, looser bounds to proceed, or fewer metrics with a vote.")
    else:
        print(f"Shortest of the plan's windows in which every gate resolves: {after} samples after settle, {after * scrape_interval:g} s")
