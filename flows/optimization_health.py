"""The last step of an optimization day: nobody is worse off, of the optimised and of all others (plan.md lines 195-206 and 242-253)."""

from __future__ import annotations

from flows.bake import judge_health
from flows.contract import GATE, judge_answers
from flows.day_run import DayRun
from flows.impact import assess_impact
from flows.neighbourhood import restarts_of
from rollout.report import CheckReport
from rollout.verdict import Evidence, Finding, Verdict


def validate_health(run: DayRun) -> None:
    """Soak, pool what the batches showed, replay every contract, and look at the whole fleet. Raises GateFailed, Held."""
    began, everybody = run.site.clock.now(), [agent.id for agent in run.site.fleet.agents]
    if run.standing:
        assess_impact(run)
        answers = judge_answers(run, run.standing, "all optimised agents at the end")
        run.keep(GATE, (*answers, *_caught(run)))
        run.stop_unless_passed(GATE, answers)
    else:
        run.record.unknowns.append("what the optimization costs: no agent has it")
        run.wait_until(began + (run.day.soak or 0.0))  # the fleet's health is as much in question as after a soak
    restarts = restarts_of(run, everybody, began, 0)
    run.require("system_health", judge_health(run, everybody, began, "the whole fleet", restarts))


def _caught(run: DayRun) -> tuple[Finding, ...]:
    """Agents that answered otherwise earlier in the day: set back since, and regressions all the same."""
    checks: list[CheckReport | Finding] = [finding for finding in run.record.findings.get(GATE, ()) if finding.verdict is Verdict.FAIL]
    checks += [check for batch in run.record.batches for check in batch.checks if check.gate == GATE and check.verdict == Verdict.FAIL.name]
    agents = tuple(sorted({agent for check in checks for agent in check.agents}))
    if not agents:
        return ()
    evidence = Evidence(
        "the agents themselves", "the contract, replayed in each batch and after all", run.record.started, run.site.clock.now(), len(checks)
    )
    sentence = f"Caught and set back alone: {', '.join(agents)}"
    return (Finding(f"{GATE}.caught", Verdict.FAIL, f"{len(agents)} caught", "0", sentence, evidence, agents),)
