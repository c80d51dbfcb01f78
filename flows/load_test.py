"""A progressive load test: level after level until one does not hold, then the way back down, then what all of it showed."""

from __future__ import annotations

from collections.abc import Sequence

from flows.crossings import between_batches
from flows.day_run import DayRun
from flows.load_level import Climbed, not_watchable, run_level
from flows.patience import patiently
from rollout.errors import GeneratorFault, Held, NotPassed
from rollout.load.findings import lasted_finding, level_evidence, levels_finding
from rollout.load.frames import MEMORY, end_frame, memory_frame
from rollout.load.watch import Watch
from rollout.plan import LoadLevel
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.load import measure_growth


def preview_load(run: DayRun) -> None:
    """Log the levels as they would be sent; nothing is."""
    for level in run.load.levels:
        rate = level.rate * run.load.scale
        run.log.info(
            "would send level %s: %g requests/s to each of %d agents for %.0f s", level.name, rate, len(run.agents), level.duration / run.pace
        )
    run.record.notes.append(f"dry run: {len(run.load.levels)} levels to {len(run.agents)} agents would be sent; nothing was")


def put_under_load(run: DayRun) -> None:
    """Climb, come down, judge.

    Raises NotPassed when a level that has to hold did not, or anything about the whole test was not as the plan wants it.
    """
    try:
        kept = run.keep("load", _tested(run))
    except (GeneratorFault, Held) as fault:  # a generator without a result, or hubs that nobody could ask in time
        run.keep("load", [Finding("load.levels", Verdict.ERROR, "the test broke off", f"up to {run.load.must_hold}", str(fault))])
        raise NotPassed(f"not measured: {fault}") from fault
    if worst(kept) is not Verdict.PASS:
        raise NotPassed(max(kept, key=lambda finding: finding.verdict).sentence.rstrip("."))


def _tested(run: DayRun) -> list[Finding]:
    """Everything that D6.1 rests on: the levels that have to hold, and what the whole test showed."""
    watch = Watch(run.site.fleet, run.site.machines, run.site.sources, run.record.started, run.day.source_budget)
    climbed = _climb(run, watch)
    recovery = None if not_watchable(climbed[-1]) else _recover(run, watch)
    required = {level.name for level in run.load.required}
    of_levels = [finding for each in climbed if each.level.name in required for finding in each.findings]
    return [_levels(run, climbed), *_whole_test(run, climbed, recovery, watch), *of_levels]


def _climb(run: DayRun, watch: Watch) -> list[Climbed]:
    """The levels in their order, up to and with the first that does not hold."""
    climbed: list[Climbed] = []
    for seed, level in enumerate(run.load.levels):
        between_batches(run)
        climbed.append(run_level(run, level, watch, seed))
        if climbed[-1].verdict is not Verdict.PASS:
            run.record.notes.append(f"the climb ended here. {climbed[-1].broke}")
            break
    return climbed


def _recover(run: DayRun, watch: Watch) -> Climbed:
    """The first level's rate and arrivals once more, after the peak."""
    between_batches(run)
    first = run.load.levels[0]
    return run_level(run, LoadLevel(name="recovery", rate=first.rate, duration=run.load.recovery), watch, 0)


def _levels(run: DayRun, climbed: Sequence[Climbed]) -> Finding:
    held = [each.level for each in climbed if each.verdict is Verdict.PASS]
    required = run.load.required
    of_required = [finding for each in climbed[: len(required)] for finding in each.findings]
    broke = next((each.broke for each in climbed if each.verdict is not Verdict.PASS), "")
    evidence = level_evidence(climbed[min(len(climbed), len(required)) - 1].measured)
    return levels_finding(required, of_required, held, broke, evidence, run.load.scale)


def _whole_test(run: DayRun, climbed: Sequence[Climbed], recovery: Climbed | None, watch: Watch) -> list[Finding]:
    """What only the whole test shows: processes that lasted, memory that does not grow, latency that comes back."""
    agents, now = [agent.id for agent in run.agents], run.site.clock.now()
    began = climbed[0].measured.began
    stop = watch.look(now)
    evidence = Evidence("supervisor, /proc", "getAllProcessInfo; /proc/PID/stat", began, now, len(agents))
    findings = [lasted_finding(stop.reason if stop else "", stop.agents if stop else (), evidence)]
    if recovery is not None:
        findings += recovery.findings
        findings += _growth(run, agents, began, recovery.measured.ended)
    measured = recovery.measured if recovery is not None and recovery.measured.kept_up(run.load.generator) else None
    frame = end_frame(climbed[0].measured, measured)
    callers = level_evidence(recovery.measured if recovery is not None else climbed[-1].measured)
    return findings + list(run.judge("load_end", frame, run.gate("load_end").bounds, callers, (), (), "after the peak"))


def _growth(run: DayRun, agents: Sequence[str], start: float, end: float) -> tuple[Finding, ...]:
    samples = patiently(run, lambda: measure_growth(run.site, agents, start, end, len(agents)))
    run.keep_samples("load-memory", samples)
    frame = memory_frame(samples)
    run.keep_samples("load-growth", frame)
    if not frame.empty:
        worst_agent = frame.iloc[int(frame["growth_mib"].argmax())]
        run.record.notes.append(
            f"memory through the test: {worst_agent['agent']} grew most, {worst_agent['growth_mib']:+.2f} MiB "
            f"[{worst_agent['growth_lower_mib']:+.2f}, {worst_agent['growth_upper_mib']:+.2f}]"
        )
    evidence = Evidence(run.site.sources.name, MEMORY % "...", start, end, len(samples))
    return run.judge("load_memory", frame, run.gate("load_memory").bounds, evidence, agents, (), "memory through the test")
