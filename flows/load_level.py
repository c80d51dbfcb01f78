"""One level of a load test: sent by a process of its own, watched from outside, judged when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.gate_file import about
from rollout.load.findings import ending_finding, generator_finding, level_evidence
from rollout.load.frames import level_frame, queries_text
from rollout.load.measured import Ending, Measured
from rollout.load.order import Order, order_of
from rollout.load.process import GeneratorProcess
from rollout.load.tell import level_report
from rollout.load.watch import Stop, Watch
from rollout.plan import LoadLevel
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.load import measure_level

POLL = 0.5
"""Seconds between two questions whether the generator has ended."""
SLACK = 120.0
"""Seconds that a generator may need besides its level, most of it to start on a busy machine; one that takes longer is stopped, and its level
was not measured."""


@dataclass(frozen=True)
class Climbed:
    """One level that was run. findings: all that were made of it."""

    level: LoadLevel
    measured: Measured
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings; only PASS has held."""
        return worst(self.findings)

    @property
    def broke(self) -> str:
        """What ended the climb here: the worst finding's sentence."""
        return max(self.findings, key=lambda finding: finding.verdict).sentence


def run_level(run: DayRun, level: LoadLevel, watch: Watch, seed: int) -> Climbed:
    """Send the level, look at agents and hubs meanwhile, and judge both sides. Raises Aborted, OwnershipLost, Held when no source answers."""
    addresses = {name: machine.address for name, machine in run.site.machines.items()}
    order = order_of(run.load, level, run.pace, run.agents, addresses, seed)
    run.log.info("level %s: %g requests/s to each of %d agents for %.0f s", level.name, order.targets[0].rate, len(run.agents), order.seconds)
    watch.begin_level()
    with GeneratorProcess(order, run.folder / "load") as generator:
        stop = _watched(run, order, generator, watch)
        measured = generator.measured()
    if stop is not None:
        measured = measured.stopped(stop.ending, stop.reason)
    run.record.samples[f"load-{level.name}"] = f"load/{level.name}.json"
    findings = [ending_finding(measured, stop.agents if stop else ()), generator_finding(measured, run.load.generator)]
    frame = pd.DataFrame()
    if worst(findings) is not Verdict.ERROR:
        run.wait_until(measured.ended + run.site.scrape_interval)  # the hubs have seen its end
        frame = _frame(run, measured)
        findings += _judged(run, measured, frame, watch.hub_lag)
    told = tuple(replace(finding, sentence=about(_what(measured), finding.sentence)) for finding in findings)
    run.record.levels.append(level_report(level.name, order.targets[0].rate, measured, frame, watch.hub_lag, told))
    for finding in told:
        if finding.verdict is not Verdict.PASS:
            run.log.warning("%s: %s", finding.verdict.name, finding.sentence)
    return Climbed(level, measured, told)


def _watched(run: DayRun, order: Order, generator: GeneratorProcess, watch: Watch) -> Stop | None:
    """Wait for the generator's end; what the watch sees ends it sooner."""
    every = max(run.load.look / run.pace, run.site.scrape_interval)
    patience = run.deadline(order.seconds + order.timeout + SLACK)
    next_look = run.site.clock.now() + every
    while generator.at_work and not patience.passed:
        run.wait_until(run.site.clock.now() + POLL)
        if run.site.clock.now() >= next_look:
            if stop := watch.look(run.site.clock.now()):
                generator.stop()
                return stop
            next_look = run.site.clock.now() + every
    return watch.look(run.site.clock.now())


def _frame(run: DayRun, measured: Measured) -> pd.DataFrame:
    """Both sides of every agent, kept with the report."""
    agents, seconds = [agent.id for agent in run.agents], _seconds(run, measured)
    enough = run.gate("load_agents").bounds["min_sample_share"] * seconds / run.site.scrape_interval
    frame = patiently(run, lambda: measure_level(run.site, measured, agents, seconds, enough, measured.level, len(agents)))
    run.keep_samples(f"load-agents-{measured.level}", frame)
    return frame


def _judged(run: DayRun, measured: Measured, frame: pd.DataFrame, hub_lag: float | None) -> tuple[Finding, ...]:
    agents, now = [agent.id for agent in run.agents], run.site.clock.now()
    level, each = run.gate("load_level"), run.gate("load_agents")
    hubs = Evidence(f"load generator, {run.site.sources.name}", queries_text(_seconds(run, measured)), measured.began, now, len(frame))
    what = _what(measured)
    return (
        *run.judge("load_level", level_frame(measured, hub_lag), level.bounds, level_evidence(measured), (), (), what),
        *run.judge("load_agents", frame, each.bounds, hubs, agents, (), what),
    )


def _what(measured: Measured) -> str:
    """As its gates and its sentences name it."""
    return f"level {measured.level}"


def _seconds(run: DayRun, measured: Measured) -> int:
    """The level's window as the hubs are asked for it: at least two samples long."""
    lasted = max(run.site.clock.now() - measured.began, 1.0)
    return max(round(lasted), int(2 * run.site.scrape_interval) + 1)


def not_watchable(climbed: Climbed) -> bool:
    """Whether going on would measure nothing: a source is gone, or somebody else is at the agents."""
    return climbed.measured.ending in (Ending.SOURCE, Ending.ASKED)
