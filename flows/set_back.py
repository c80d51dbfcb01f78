"""An agent that a gate blames alone goes back alone; its batch and the day go on inside their failure budgets (plan.md line 209)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flows.day_run import DayRun
from flows.guard import bring_back
from rollout.errors import RollbackIncomplete
from rollout.executor import Activation
from rollout.judge.judgement import BatchJudgement
from rollout.ledger import Step
from rollout.plan import Gate, RollbackScope
from rollout.verdict import Evidence, Finding, Verdict

CHECK = "set_back"


def blamed(run: DayRun, findings: Sequence[Finding], judgement: BatchJudgement | None = None) -> frozenset[str]:
    """Changed agents that alone are to blame for every gate that failed.

    Nobody where a failed gate's scope is wider than an agent, or where it blames none of them by name: then all of the batch is to blame.
    """
    gates = {gate.suite: gate for gate in run.day.gates}
    guilty: set[str] = set()
    for finding in findings:
        if finding.verdict is not Verdict.FAIL:
            continue
        gate = gates.get(finding.check.partition(".")[0])
        named = set(finding.agents) & set(run.touched)
        if judgement is not None and gate is not None and gate.suite == "impact":
            named &= set(judgement.guilty)  # a metric that fails as a whole names those that it could not see
        if not named or gate is None or _scope(run, gate) is not RollbackScope.AGENT:
            return frozenset()
        guilty |= named
    return frozenset(guilty)


def set_back(run: DayRun, agents: Collection[str], findings: Sequence[Finding]) -> None:
    """Bring those agents back, alone and read back, and remember why. Raises RollbackIncomplete when one does not come back."""
    for agent in sorted(agents):
        reasons = [finding.sentence.rstrip(".") for finding in findings if finding.verdict is Verdict.FAIL and agent in finding.agents]
        run.set_back[agent] = "; ".join(reasons) or "the change does not take effect on it"
    names = ", ".join(sorted(agents))
    run.log.warning("set back alone: %s", names)
    reversal = bring_back(run, sorted(agents), f"{names} alone")
    run.record.notes.append(f"set back alone: {names}, restored and read back in {reversal.seconds:.1f} s")
    tell_set_back(run)
    if reversal.quarantined:
        raise RollbackIncomplete("could not be set back alone", reversal.quarantined)


def tell_set_back(run: DayRun) -> None:
    """What the criterion may say: each agent that was set back is as it was, and the day went on without it."""
    if not run.set_back:
        return
    back = [agent for agent in run.set_back if agent in run.ledger.in_step(Step.RESTORED)]
    left = tuple(sorted(set(run.set_back) - set(back)))
    evidence = Evidence("supervisor, /proc, probe", "read-back of each agent", run.record.started, run.site.clock.now(), len(back))
    said = "; ".join(f"{agent} ({reason})" for agent, reason in run.set_back.items())
    verdict = Verdict.FAIL if left else Verdict.PASS
    observed = f"{len(back)} of {len(run.set_back)} restored alone"
    run.keep(CHECK, [Finding(CHECK, verdict, observed, "per agent", f"Set back alone, the others kept: {said}.", evidence, left)])


def without(activation: Activation, agents: Collection[str]) -> Activation:
    """What was seen of the others."""
    return Activation(activation.since, activation.verified_at, tuple(reading for reading in activation.readings if reading.agent not in agents))


def _scope(run: DayRun, gate: Gate) -> RollbackScope:
    return run.parameters.rollback_scope or gate.rollback_scope
