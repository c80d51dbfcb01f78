"""The functional regression check of a day that records a contract: what its agents answer is compared with what they answered before."""

from __future__ import annotations

from collections.abc import Sequence

from flows.day_run import DayRun
from flows.set_back import blamed, set_back
from rollout.batches import Batch
from rollout.fleet import Agent
from rollout.observe.contract import Contract
from rollout.plan import Optimization
from rollout.verdict import Evidence, Finding
from tasks.contract import record_answers, replay_answers

GATE = "regression"


def take_contract(run: DayRun, how: Optimization) -> Contract:
    """Record the answers of all the day's agents before anything changes; a resumed run keeps those of its first attempt."""
    stored = run.stored_samples("contract")
    run.contract = Contract(stored) if stored is not None else record_answers(run.site, run.agents, how.contract.paths, len(run.agents))
    run.keep_samples("contract", run.contract.frame)
    return run.contract


def judge_contract(run: DayRun, batch: Batch) -> tuple[Finding, ...]:
    """The batch's answers against its contract; nothing where the day records none."""
    return () if run.contract is None else judge_answers(run, batch.agents, f"batch {batch.index}")


def judge_answers(run: DayRun, agents: Sequence[Agent], what: str) -> tuple[Finding, ...]:
    """These agents' answers now, against the regression suite."""
    if run.contract is None:
        return ()
    gate, began = run.gate(GATE), run.site.clock.now()
    frame = replay_answers(run.site, agents, run.contract, len(agents))
    asked = int(frame["asked"].sum())
    evidence = Evidence("the agents themselves", "each request of the recorded contract, replayed", began, run.site.clock.now(), asked)
    return run.judge(gate.suite, frame, gate.bounds, evidence, [agent.id for agent in agents], (), what)


def replay_after_all(run: DayRun) -> None:
    """Every contract once more after the last batch; who answers otherwise by now goes back alone, inside the run's failure budget.

    Raises GateFailed when it is more than that.
    """
    if not run.standing:
        return
    answers = judge_answers(run, run.standing, "all optimised agents")
    guilty = blamed(run, answers)
    run.keep(GATE, answers)
    if guilty and not run.failure_budgets.cumulative.exceeded(len(guilty | set(run.set_back)), len(run.touched)):
        set_back(run, guilty, answers)
    else:
        run.stop_unless_passed(GATE, answers)
