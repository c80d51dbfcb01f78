"""One batch's bake: look after look at what the change does, until a decision stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from flows.agreement import agree
from flows.contract import judge_contract
from flows.day_run import DayRun
from flows.judging import findings_of, judge_look
from flows.neighbourhood import foreign_restarts
from flows.patience import patiently
from flows.set_back import blamed, set_back, without
from rollout.batches import Batch
from rollout.executor import Activation
from rollout.judge.judgement import BatchJudgement
from rollout.observe.health import excused, queries_text, with_crashes
from rollout.observe.restarts import Restart
from rollout.progress import Decision, Progress, decide
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.measure import measure_errors, measure_health


@dataclass(frozen=True, slots=True)
class Baked:
    """What became of a batch's bake. gate: the one that decided; judgement: the judge's, at the last look that was taken.

    set_back: agents that went back alone meanwhile, with the reason.
    """

    decision: Decision
    gate: str
    findings: tuple[Finding, ...]
    extensions: int
    judgement: BatchJudgement | None
    set_back: Mapping[str, str] = field(default_factory=dict)


class Baking:
    """A batch at its looks. batch, activation: of the agents that have not gone back alone; told: what sent the others back."""

    def __init__(self, run: DayRun, batch: Batch, activation: Activation, *, last: bool) -> None:
        self.run, self.whole, self.last = run, batch, last
        self.batch, self.activation = batch, activation
        self.told: list[Finding] = []
        self._before = set(run.set_back)

    def effect(self) -> tuple[Decision, tuple[Finding, ...]]:
        """Whether the change takes effect and breaks nothing at once; agents for which that is not so go back alone where the plan allows it."""
        while self.batch.agents:
            what = f"batch {self.batch.index}"
            findings = (*judge_activation(self.run, self.activation, what), *judge_contract(self.run, self.batch))
            guilty = blamed(self.run, findings)
            decision = self.decide(worst(findings), guilty, proceed=False, extensions_left=0)
            if decision is not Decision.SET_BACK:
                return decision, findings
            self.set_back(guilty, findings)
        return self.goes_on, ()

    @property
    def goes_on(self) -> Decision:
        """What follows when nobody is left to look at, inside the budget that the plan gives the batch."""
        return Decision.COMPLETE if self.last else Decision.PROMOTE

    def set_back(self, guilty: frozenset[str], findings: Sequence[Finding]) -> None:
        """Bring the guilty back and go on with the others; what else this look found is found again without them."""
        set_back(self.run, guilty, findings)
        self.told += [finding for finding in findings if finding.verdict is Verdict.FAIL]
        self.batch = replace(self.batch, agents=tuple(agent for agent in self.batch.agents if agent.id not in guilty))
        self.activation = without(self.activation, guilty)

    def decide(self, verdict: Verdict, guilty: frozenset[str], *, proceed: bool, extensions_left: int) -> Decision:
        """The reducer's decision on what is known now. guilty: agents that alone are to blame for what failed."""
        run, budgets = self.run, self.run.failure_budgets
        failed = run.failed() | guilty | set(run.set_back)  # an agent that went back alone has failed too
        progress = Progress(
            verdict=verdict,
            proceed=proceed,
            failed_in_batch=len(failed & set(self.whole.ids)),
            batch_size=len(self.whole.agents),
            failed_in_run=len(failed),
            attempted_in_run=len(run.touched),
            extensions_left=extensions_left,
            last=self.last,
            separable=bool(guilty),
        )
        return decide(progress, budgets.per_batch, budgets.cumulative)

    def baked(
        self, decision: Decision, gate: str, findings: Sequence[Finding], extensions: int = 0, judgement: BatchJudgement | None = None
    ) -> Baked:
        """What became of it."""
        back = {agent: reason for agent, reason in self.run.set_back.items() if agent not in self._before}
        return Baked(decision, gate, (*self.told, *findings), extensions, judgement, back)


def bake(run: DayRun, batch: Batch, activation: Activation, last: bool) -> Baked:
    """Judge the activation, then look at the batch until it is promoted, rolled back or held. Raises Held when no source answers."""
    windows, baking = run.windows, Baking(run, batch, activation, last=last)
    decision, findings = baking.effect()
    if decision in (Decision.ROLL_BACK, Decision.HOLD) or not baking.batch.agents:
        return baking.baked(decision, _gate_of(run, findings), findings)
    looks, extensions = list(windows.looks), list(windows.extensions)
    while baking.batch.agents:
        look = looks.pop(0)
        run.wait_until(activation.verified_at + (windows.settle + look) * run.site.scrape_interval)
        agreed = agree(run, f"at look {look} of batch {batch.index}")
        restarts = foreign_restarts(run, baking.batch, activation)
        health = judge_health(run, run.changed(), activation.verified_at, f"after batch {batch.index}", restarts)
        judgement = judge_look(run, baking.batch, activation, look, restarts)
        votes = any(metric.votes for metric in judgement.metrics)
        verdict = max(worst(health), judgement.verdict) if votes else worst(health)
        proceed = (judgement.proceed if votes else True) and worst(health) is not Verdict.INCONCLUSIVE  # what a gate cannot tell yet is no yes
        if restarts and extensions:  # something else changed in the window: nothing good is said of it before it was extended
            verdict, proceed = max(verdict, Verdict.INCONCLUSIVE), False
        seen = (*agreed, *health, *findings_of(run, judgement, activation))
        guilty = blamed(run, seen, judgement)
        decision = baking.decide(verdict, guilty, proceed=proceed, extensions_left=len(extensions))
        if decision is Decision.SET_BACK:
            baking.set_back(guilty, seen)
            looks.insert(0, look)  # the others are looked at once more, without them
        elif not looks and decision is Decision.EXTEND_BAKE:
            looks.append(look + extensions.pop(0))
        elif not looks or decision is Decision.ROLL_BACK:
            gate = "impact" if votes and judgement.verdict > worst(health) else "batch_health"
            return baking.baked(decision, gate, (*findings, *seen), len(windows.extensions) - len(extensions), judgement)
    return baking.baked(baking.goes_on, "batch_health", ())


def _gate_of(run: DayRun, findings: Sequence[Finding]) -> str:
    """The gate whose suite found the worst."""
    worst_one = max(findings, key=lambda finding: finding.verdict, default=None)
    suites = {gate.suite: gate.name for gate in run.day.gates}
    return "activation" if worst_one is None else suites.get(worst_one.check.partition(".")[0], "activation")


def judge_activation(run: DayRun, activation: Activation, what: str) -> tuple[Finding, ...]:
    """The witnesses' rows against the activation suite."""
    rows = pd.DataFrame([dict(reading.row) for reading in activation.readings])
    query = "getProcessInfo; /proc/PID/environ; /proc/net/tcp; GET /health; GET /metrics"
    evidence = Evidence("supervisor, /proc, probe", query, activation.since, activation.verified_at, len(rows))
    agents = [reading.agent for reading in activation.readings]
    gate = run.gate("activation")
    return run.judge(gate.suite, rows, gate.bounds, evidence, agents, (), what)


def judge_health(run: DayRun, agents: Sequence[str], since: float, what: str, restarts: Mapping[str, Restart]) -> tuple[Finding, ...]:
    """These agents since then. A batch hands over all that were changed so far: an earlier batch that turns bad is seen too.

    A restart that somebody asked the supervisor for is no failure of the agent; a process that ended by itself is one, whatever started it again.
    """
    gate = run.gate("batch_health")
    seconds = max(int(run.site.clock.now() - since), 2)
    enough = gate.bounds["min_sample_share"] * seconds / run.site.scrape_interval
    asked = [agent for agent, restart in restarts.items() if restart.asked]
    seen = patiently(run, lambda: measure_health(run.site, agents, seconds, enough, len(agents)))
    frame = with_crashes(excused(seen, asked, run.windows.settle), restarts.keys() - set(asked))
    findings = run.judge("batch_health", frame, gate.bounds, _evidence(run, queries_text(seconds), seconds, len(frame)), agents, (), what)
    callable_agents = [agent for agent in agents if not run.site.fleet.agent(agent).hub]
    errors = run.day.ratio
    if errors is None:
        return findings
    if not callable_agents:
        run.record.unknowns.append(f"whether requests failed {what}: the agents changed so far are hubs, which serve none")
        return findings
    answered = patiently(run, lambda: measure_errors(run.site, errors, callable_agents, seconds, len(callable_agents)))
    query = "; ".join(filter(None, (errors.promql("...", f"{seconds}s"), errors.weight_promql("...", f"{seconds}s"))))
    evidence = _evidence(run, query, seconds, len(answered))
    return findings + run.judge("batch_errors", answered, run.gate("batch_errors").bounds, evidence, callable_agents, (), what)


def _evidence(run: DayRun, query: str, seconds: float, samples: int) -> Evidence:
    now = run.site.clock.now()
    return Evidence(run.site.sources.name, query, now - seconds, now, samples)
