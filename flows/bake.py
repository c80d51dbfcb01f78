"""One batch's bake: look after look at what the change does, until a decision stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from flows.agreement import agree
from flows.day_run import DayRun
from flows.judging import findings_of, judge_look
from flows.neighbourhood import foreign_restarts
from flows.patience import patiently
from rollout.batches import Batch
from rollout.executor import Activation
from rollout.judge.judgement import BatchJudgement
from rollout.observe.health import excused, queries_text
from rollout.observe.restarts import Restart
from rollout.progress import Decision, Progress, decide
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.gate import judge_gate
from tasks.measure import measure_errors, measure_health


@dataclass(frozen=True, slots=True)
class Baked:
    """What became of a batch's bake. gate: the one that decided; judgement: the judge's, at the last look that was taken."""

    decision: Decision
    gate: str
    findings: tuple[Finding, ...]
    extensions: int
    judgement: BatchJudgement | None


def bake(run: DayRun, batch: Batch, activation: Activation, last: bool) -> Baked:
    """Judge the activation, then look at the batch until it is promoted, rolled back or held. Raises Held when no source answers."""
    windows = run.windows
    findings = judge_activation(run, activation, f"batch {batch.index}")
    decision = decision_on(run, batch, activation, worst(findings), proceed=False, extensions_left=0, last=last)
    if decision in (Decision.ROLL_BACK, Decision.HOLD):
        return Baked(decision, "activation", findings, 0, None)
    looks, extensions = list(windows.looks), list(windows.extensions)
    while True:
        look = looks.pop(0)
        run.wait_until(activation.verified_at + (windows.settle + look) * run.site.scrape_interval)
        agreed = agree(run, f"at look {look} of batch {batch.index}")
        restarts = foreign_restarts(run, batch, activation)
        health = judge_health(run, run.changed(), activation.verified_at, f"after batch {batch.index}", restarts)
        judgement = judge_look(run, batch, activation, look, restarts)
        votes = any(metric.votes for metric in judgement.metrics)
        verdict = max(worst(health), judgement.verdict) if votes else worst(health)
        proceed = judgement.proceed if votes else True
        if restarts and extensions:  # something else changed in the window: nothing good is said of it before it was extended
            verdict, proceed = max(verdict, Verdict.INCONCLUSIVE), False
        decision = decision_on(run, batch, activation, verdict, proceed=proceed, extensions_left=len(extensions), last=last)
        if not looks and decision is Decision.EXTEND_BAKE:
            looks.append(look + extensions.pop(0))
        elif not looks or decision is Decision.ROLL_BACK:
            break
    gate = "impact" if votes and judgement.verdict > worst(health) else "batch_health"
    told = (*findings, *agreed, *health, *findings_of(run, judgement, activation))
    return Baked(decision, gate, told, len(windows.extensions) - len(extensions), judgement)


def judge_activation(run: DayRun, activation: Activation, what: str) -> tuple[Finding, ...]:
    """The witnesses' rows against the activation suite."""
    rows = pd.DataFrame([dict(reading.row) for reading in activation.readings])
    query = "getAllProcessInfo; /proc/PID/environ; /proc/net/tcp; GET /health; GET /metrics"
    evidence = Evidence("supervisor, /proc, probe", query, activation.since, activation.verified_at, len(rows))
    agents = [reading.agent for reading in activation.readings]
    gate = run.gate("activation")
    return judge_gate(gate.suite, rows, gate.bounds, evidence, agents, (), what)


def judge_health(run: DayRun, agents: Sequence[str], since: float, what: str, restarts: Mapping[str, Restart]) -> tuple[Finding, ...]:
    """These agents since then. A batch hands over all that were changed so far: an earlier batch that turns bad is seen too.

    A restart that somebody asked the supervisor for is no failure of the agent.
    """
    gate = run.gate("batch_health")
    seconds = max(int(run.site.clock.now() - since), 2)
    enough = gate.bounds["min_sample_share"] * seconds / run.site.scrape_interval
    asked = [agent for agent, restart in restarts.items() if restart.asked]
    frame = excused(patiently(run, lambda: measure_health(run.site, agents, seconds, enough, len(agents))), asked, run.windows.settle)
    findings = judge_gate("batch_health", frame, gate.bounds, _evidence(run, queries_text(seconds), seconds, len(frame)), agents, (), what)
    callable_agents = [agent for agent in agents if not run.site.fleet.agent(agent).hub]
    errors = run.day.ratio
    if errors is None:
        return findings
    answered = patiently(run, lambda: measure_errors(run.site, errors, callable_agents, seconds, len(callable_agents)))
    evidence = _evidence(run, errors.promql("...", f"{seconds}s"), seconds, len(answered))
    return findings + judge_gate("batch_errors", answered, run.gate("batch_errors").bounds, evidence, callable_agents, (), what)


def decision_on(run: DayRun, batch: Batch, activation: Activation, verdict: Verdict, *, proceed: bool, extensions_left: int, last: bool) -> Decision:
    """The reducer's decision on a batch by what is known now."""
    budgets = run.failure_budgets
    failed_before = run.failed() - set(batch.ids)
    progress = Progress(
        verdict=verdict,
        proceed=proceed,
        failed_in_batch=len(activation.failed),
        batch_size=len(batch.agents),
        failed_in_run=len(failed_before) + len(activation.failed),
        attempted_in_run=len(run.touched),
        extensions_left=extensions_left,
        last=last,
    )
    return decide(progress, budgets.per_batch, budgets.cumulative)


def _evidence(run: DayRun, query: str, seconds: float, samples: int) -> Evidence:
    now = run.site.clock.now()
    return Evidence(run.site.sources.name, query, now - seconds, now, samples)
