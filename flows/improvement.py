"""The validation step of an optimization day: is it proven, agent by agent and over all (plan.md lines 188-193 and 242-247)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from flows.candidates import SETTINGS, host_of, start_rows
from flows.contract import replay_after_all
from flows.day_run import DayRun
from flows.guard import bring_back
from flows.patience import patiently
from rollout.candidates import Ranking
from rollout.errors import RollbackIncomplete
from rollout.judge.improvement import ImprovementJudgement, judge_improvement
from rollout.observe.startups import QUERY, confirmation_frame
from rollout.optimised_before import EarlierDay
from rollout.optimization import APPLIED, Measured, Optimised, average_finding, count_finding, counts_of, each_finding, table
from rollout.plan import Unproven
from rollout.report import OptimisedAgent, OptimizationReport
from rollout.verdict import Evidence, Finding
from tasks.shadow import read_startups, start_pair

CONFIRMED = "improvement_confirmed"
AFTER_A_SCRAPE = 5.0
"""Seconds more than an interval until a scrape's samples can be asked for."""


def validate_improvement(run: DayRun, earlier: EarlierDay | None = None) -> None:
    """Prove it by shadow starts, let Prometheus confirm it, do with the unproven what the plan says, and count what became of everybody.

    earlier: the day before, whose agents count for the whole system.
    """
    replay_after_all(run)
    how, began = run.optimization, run.site.clock.now()
    starts = _starts(run)
    judgement = judge_improvement(starts, 1 - how.claim, tuple(agent.id for agent in run.standing))
    confirmed = _confirm(run)
    if how.unproven is Unproven.REVERT:
        _revert(run, judgement)
    evidence = Evidence("shadow starts", "spawn to healthy, each start beside the other", began, run.site.clock.now(), len(starts))
    rows = table(run.ranking or Ranking(()), {agent.id for agent in run.standing}, run.set_back, Measured(starts, judgement, confirmed))
    findings = [each_finding(judgement, evidence), average_finding("average", judgement, evidence)]
    findings.append(count_finding("count", rows, run.day.count or len(rows), evidence))
    sentences = [judgement.sentence]
    if how.system_claim is not None:
        rows = (*_still_there(run, earlier), *rows)
        both = starts if earlier is None else pd.concat([earlier.starts, starts], ignore_index=True)
        wanted = len(run.site.fleet.select(run.day.selector))
        findings += _of_the_system(rows, both, how.system_claim, wanted, replace(evidence, samples=len(both)))
        sentences.append(findings[-1].sentence)
    run.keep("improvement", findings)
    counts = {outcome.value: number for outcome, number in counts_of(rows).items()}
    run.record.optimization = OptimizationReport(pattern=how.pattern, claim=how.claim, counts=counts, sentences=tuple(sentences), agents=rows)


def _starts(run: DayRun) -> pd.DataFrame:
    """All shadow starts of the agents that have the change: the survey's, then the plan's number on each side, in rounds over the agents."""
    if (stored := run.stored_samples("starts")) is not None:
        return stored
    how, host, rows = run.optimization, host_of(run), _surveyed(run)
    for number in range(how.shadows.starts):
        first_request = how.contract.paths[0] if number < how.shadows.first_requests else ""
        for agent in run.standing:
            run.before_each()
            pair = start_pair(host, agent, SETTINGS, first_request, f"pair {number + 1} of {how.shadows.starts}", profiled=False)
            rows += start_rows(agent.id, pair)
    starts = pd.DataFrame(rows, columns=["agent", "seconds", "changed", "first_request", "resident"])
    starts = starts.astype({"seconds": float, "changed": bool, "first_request": float, "resident": float})
    run.keep_samples("starts", starts)
    return starts


def _surveyed(run: DayRun) -> list[dict[str, str | float | bool]]:
    """The survey's start of each side, which the judge drops as cold."""
    survey, there = run.survey, {agent.id for agent in run.standing}
    if survey is None:
        return []
    sides = ((False, "eager_seconds"), (True, "lazy_seconds"))
    return [
        {"agent": row["agent"], "seconds": row[column], "changed": changed, "first_request": float("nan"), "resident": float("nan")}
        for row in survey.to_dict("records")
        for changed, column in sides
        if row["agent"] in there
    ]


def _confirm(run: DayRun) -> dict[str, tuple[float | None, float | None]]:
    """What Prometheus has of the agents' own start-ups: kept as a gate's findings, and by agent for the table."""
    gate = run.gate(CONFIRMED)
    changed = [agent.id for agent in run.standing if agent.id in run.changed()]
    run.wait_until(run.last_activation + gate.bounds["scrape_seconds"] + AFTER_A_SCRAPE)
    after = patiently(run, lambda: read_startups(run.site, tuple(changed), len(changed)))
    times = run.ledger.last_times()
    frame = confirmation_frame(run.startups, after, {agent: times[agent] for agent in changed})
    now = run.site.clock.now()
    evidence = Evidence(run.site.sources.name, QUERY % "...", run.record.started, now, len(frame))
    run.keep(CONFIRMED, run.judge(gate.suite, frame, gate.bounds, evidence, changed, (), "the optimised agents"))
    return {row["agent"]: (row["before_seconds"], row["after_seconds"]) for row in frame.to_dict("records")}


def _revert(run: DayRun, judgement: ImprovementJudgement) -> None:
    """The plan keeps nobody whose own bound does not reach the claim. Raises RollbackIncomplete."""
    lost = sorted({*judgement.unproven, *judgement.unseen} & set(run.changed()))
    if not lost:
        return
    reversal = bring_back(run, lost, f"{len(lost)} agents that are not proven")
    run.set_back |= dict.fromkeys(reversal.restored, f"not proven faster by {run.optimization.claim:.0%}, and the plan keeps nobody unproven")
    if reversal.quarantined:
        raise RollbackIncomplete("not proven, and could not be set back", reversal.quarantined)


def _still_there(run: DayRun, earlier: EarlierDay | None) -> tuple[OptimisedAgent, ...]:
    """The rows of the earlier day, agents that have lost the change since as reverted; it is an unknown where there is no such day."""
    if earlier is None:
        run.record.unknowns.append("what an earlier day of the optimization proved: the site has no complete report of one")
        return ()
    applied = [row.agent for row in earlier.agents if row.outcome in {outcome.value for outcome in APPLIED}]
    readings = run.executor.read_all([run.site.fleet.agent(agent) for agent in applied]).readings
    lost = {reading.agent: f"optimised by run {earlier.run}, and no more: {reading.reason}" for reading in readings if not reading.verified}
    return tuple(
        row.model_copy(update={"outcome": Optimised.REVERTED.value, "reason": lost[row.agent]}) if row.agent in lost else row
        for row in earlier.agents
    )


def _of_the_system(rows: Sequence[OptimisedAgent], starts: pd.DataFrame, claim: float, wanted: int, evidence: Evidence) -> list[Finding]:
    """Over all agents of both days that have the change now. starts: of both days."""
    there = tuple(sorted(row.agent for row in rows if row.outcome in {outcome.value for outcome in APPLIED}))
    judgement = judge_improvement(starts[starts["agent"].isin(there)], 1 - claim, there)
    return [count_finding("total", rows, wanted, evidence), average_finding("system", judgement, evidence)]
