"""The last step of an optimization day: nobody is worse off, of the optimised and of all others (plan.md lines 195-206 and 242-253)."""

from __future__ import annotations

from flows.bake import judge_health
from flows.contract import GATE, judge_answers
from flows.day_run import DayRun
from flows.impact import assess_impact
from flows.neighbourhood import restarts_of
from flows.set_back import blamed, set_back
from rollout.verdict import Evidence, Finding, Verdict


def validate_health(run: DayRun) -> None:
    """Soak, pool what the batches showed, replay every contract, and look at the whole fleet. Raises GateFailed, Held."""
    began, everybody = run.site.clock.now(), [agent.id for agent in run.site.fleet.agents]
    if run.standing:
        assess_impact(run)
        _replay(run)
    else:
        run.record.unknowns.append("what the optimization costs: no agent has it")
    restarts = restarts_of(run, everybody, began, 0)
    run.require("system_health", judge_health(run, everybody, began, "the whole fleet", restarts))


def _replay(run: DayRun) -> None:
    """Every contract once more; who answers otherwise by now goes back alone too, inside the run's failure budget. Raises GateFailed."""
    answers, late = judge_answers(run, run.standing, "all optimised agents at the end"), list[Finding]()
    guilty = blamed(run, answers)
    if guilty and not run.failure_budgets.cumulative.exceeded(len(guilty | set(run.set_back)), len(run.touched)):
        set_back(run, guilty, answers)
        late = [finding for finding in answers if finding.verdict is Verdict.FAIL]
        answers = judge_answers(run, run.standing, "the others")
    run.keep(GATE, (*answers, *late, *_caught(run)))
    run.stop_unless_passed(GATE, answers)


def _caught(run: DayRun) -> tuple[Finding, ...]:
    """Agents that answered otherwise while their batch baked: set back since, and regressions all the same."""
    checks = [check for batch in run.record.batches for check in batch.checks if check.gate == GATE and check.verdict == Verdict.FAIL.name]
    agents = tuple(sorted({agent for check in checks for agent in check.agents}))
    if not agents:
        return ()
    evidence = Evidence("the agents themselves", "the contract replayed in each batch", run.record.started, run.site.clock.now(), len(checks))
    sentence = f"Caught in their batches and set back alone: {', '.join(agents)}"
    return (Finding(f"{GATE}.caught", Verdict.FAIL, f"{len(agents)} caught", "0", sentence, evidence, agents),)
