"""The end of every run: see once more, say what happened, close or keep the ledger, publish."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from prefect.exceptions import Pause

from flows.day_run import DayRun
from flows.disturbance import with_disturbance
from flows.failures import count_failures
from flows.outcome import outcome_of
from rollout.alert import alert_of
from rollout.errors import Held, OwnershipLost, RolloutError
from rollout.evidence import digest, with_records
from rollout.final_look import LastLook, last_look
from rollout.html import draw_report
from rollout.ledger import CHANGED, Step
from rollout.rehearsals import RehearsalFile
from rollout.report import AgentReport, CheckReport, CriterionReport, DayReport, Outcome, RollbackReport
from rollout.report_entries import alert_report, check_report, criterion_report
from rollout.report_file import read_report, write_report
from rollout.telling import answers, complete_sentence
from rollout.verdict import Finding, Standing, Verdict
from tasks.publish import publish_artifacts

SETTLED = frozenset({Outcome.COMPLETE, Outcome.ROLLED_BACK, Outcome.REFUSED, Outcome.NOT_PASSED})
"""Outcomes after which nothing is left to do; all others keep the fleet until somebody settles the run."""
OVER_AND_DONE = frozenset({"requests_lost", "scoreboard"})
"""Gates that judge what has been; nothing that still is follows from them."""

GAINS = frozenset({"improvement", "improvement_confirmed"})
"""Gates about what was to become better: what they miss makes nothing worse."""


def conclude(run: DayRun, error: BaseException | None) -> DayReport:
    """Write and publish the report, then settle the ledger if nothing is left to do, and give back the lease.

    Whoever took the fleet from this run reports of it: what this process knew is not written then, neither before nor after their report. The
    report of an earlier attempt whose repetition was refused stands too. Raises Held where the report cannot be written.
    """
    if not run.owns and run.ledger.exists and (told := read_report(run.folder)):
        run.log.warning("%s; the report of this run stands as it is", error)
        return told
    still_changed = sum(step in CHANGED for step in run.ledger.last_steps().values())
    outcome = outcome_of(run.record, error, still_changed)
    count_failures(run)
    report = _report(run, outcome, error)
    if _lost(run):
        run.log.warning("another process has the fleet now, and it is theirs to report of this run: %s", report.sentence)
        return read_report(run.folder) or report
    in_charge = run.owns and not isinstance(error, OwnershipLost)
    report = _put_on_record(run, report, in_charge=in_charge)
    try:
        publish_artifacts(report)
    except Exception:
        # the report is on disk already; a server that is away must not turn a rollback into a crash
        run.log.exception("the report could not be published as artifacts")
    if in_charge:
        if outcome in SETTLED:
            run.ledger.append(run.ownership.epoch, Step.CLOSED, outcome=outcome.value)
        elif outcome is Outcome.HELD:
            _say_held(run, report.cause)
        run.ownership.release()
    _draw(run)
    run.log.info("%s (exit code %d), report in %s", report.sentence, report.exit_code, run.folder)
    return report


def _lost(run: DayRun) -> bool:
    """Whether another process has the fleet of this run now, whatever it was that ended this one."""
    holder = run.ownership.holder() if run.owns else None
    return holder is not None and holder.epoch != run.ownership.epoch


def _put_on_record(run: DayRun, report: DayReport, *, in_charge: bool) -> DayReport:
    """The report with its records, as it stands on disk now.

    Raises Held where it cannot be written. The ledger stays open then, whatever the outcome, for `settle` or Retry; it says why if that at least
    can be written.
    """
    try:
        whole = with_records(report, run.folder, run.ledger.file, run.audit)
        write_report(run.folder, whole)
    except Held as unwritten:
        cause = f"{report.cause}; {unwritten}" if report.cause else str(unwritten)
        if in_charge:
            with suppress(Held):
                _say_held(run, cause)
                run.ownership.release()
        raise Held(cause) from unwritten
    return whole


def _say_held(run: DayRun, cause: str) -> None:
    run.ledger.append(run.ownership.epoch, Step.HELD, batch=run.current_batch.index if run.current_batch else 0, cause=cause)


def _draw(run: DayRun) -> None:
    """The page for people, last of all: the fleet is free, and a picture that fails costs no report."""
    try:
        draw_report(run.folder)
    except Exception:
        run.log.exception("report.html was not drawn; `rollout report %s` tries again", run.run_id)


def _report(run: DayRun, outcome: Outcome, error: BaseException | None) -> DayReport:
    look = _last_look(run)
    agents = with_disturbance(run, look.agents)
    criteria = tuple(_criteria(run))
    return DayReport(
        run_id=run.run_id,
        plan=run.plan.plan,
        day=run.day.day,
        title=run.day.title,
        site=run.site.name,
        fleet=run.site.fleet.name,
        rehearsal="; ".join(run.plan.differences(run.day.day)),
        outcome=outcome,
        exit_code=outcome.exit_code,
        sentence=_sentence(run, outcome, error, agents, criteria),
        cause=_cause(error) if error else "",
        pace=run.pace,
        started=run.record.started,
        ended=run.site.clock.now(),
        steps=tuple(run.record.steps),
        criteria=criteria,
        checks=tuple(check_report(gate, finding) for gate, findings in run.record.findings.items() for finding in findings),
        batches=tuple(run.record.batches),
        agents=agents,
        rollback=_rollback(run),
        optimization=run.record.optimization,
        levels=tuple(run.record.levels),
        unknowns=tuple(
            dict.fromkeys([*run.record.unknowns, *look.unknowns] + [f"{c.id}: {c.sentence}" for c in criteria if c.verdict is Standing.NOT_MEASURED])
        ),
        notes=tuple(run.record.notes),
        alert=alert_report(alert_of(look.situation(run.site, _degraded(run, outcome)), run.plan.system_wide)),
        evidence={name: digest(run.folder / name) for name in sorted(run.record.samples.values())},
    )


def _criteria(run: DayRun) -> list[CriterionReport]:
    """Every criterion of the day with what this run found about it, or else what a rehearsal on record did."""
    rehearsed = RehearsalFile(run.site.state)
    criteria, part = run.plan.criteria_of(run.day.day), _part_of_the_plan(run)
    return [
        criterion_report(c.id, c.statement, c.bound, [_of_a_part(finding, part) for finding in found], c.measured_by)
        if (found := findings_for(run, c.measured_by))
        else criterion_report(c.id, c.statement, c.bound, rehearsed.findings(c.id))
        for c in criteria
    ]


def _part_of_the_plan(run: DayRun) -> str:
    """How much of what the plan selects this run was started for; empty where it is all of it."""
    if run.parameters.selector is None:
        return ""
    planned, chosen = ({agent.id for agent in run.site.fleet.select(each)} for each in (run.day.selector, run.parameters.selector))
    return "" if planned <= chosen else f"this run was started for {len(planned & chosen)} of the {len(planned)} agents that the plan selects"


def _of_a_part(finding: Finding, part: str) -> Finding:
    """What holds for some agents is not proven for all."""
    if not part or finding.verdict is not Verdict.PASS:
        return finding
    return replace(finding, verdict=Verdict.INCONCLUSIVE, sentence=f"{finding.sentence.rstrip('.')}; not proven for the plan: {part}.")


def findings_for(run: DayRun, measured_by: str) -> list[Finding]:
    """A gate's findings, or those of one check of a gate (`gate.check`) together with the gate's guards on its frame."""
    return answers(measured_by, run.record.findings)


def _degraded(run: DayRun, outcome: Outcome) -> list[str]:
    """What the run's gates found worse, while agents still are as it made them; a rollback ends that, also of single agents."""
    if outcome is Outcome.ROLLED_BACK:
        return []
    harm = [findings for gate, findings in run.record.findings.items() if gate not in OVER_AND_DONE | GAINS]
    kept: list[Finding | CheckReport] = [finding for findings in harm for finding in findings if finding.verdict is Verdict.FAIL]
    kept += [check for batch in run.record.batches for check in batch.checks if check.verdict == Verdict.FAIL.name]
    return [found.sentence.rstrip(".") for found in kept if not found.agents or not set(found.agents) <= run.set_back.keys()]


def _last_look(run: DayRun) -> LastLook:
    """Every selected agent as it is seen now."""
    changes = [executor.change for executor in run.executors] if run.day.change else []
    return last_look(run.site, changes, run.ledger, run.agents, run.ledger.batches(), run.bystanders.pids if run.bystanders else {})


def _rollback(run: DayRun) -> RollbackReport | None:
    reversal = run.record.reversal
    if reversal is None:
        return None
    return RollbackReport(
        cause=run.record.reversal_cause,
        restored=reversal.restored,
        quarantined=reversal.quarantined,
        seconds_to_restored=reversal.seconds,
        seconds_to_healthy=run.record.seconds_to_healthy,
        budget_seconds=run.day.deadlines.rollback,
        baseline=run.record.baseline_after,
    )


def _sentence(
    run: DayRun, outcome: Outcome, error: BaseException | None, agents: tuple[AgentReport, ...], criteria: tuple[CriterionReport, ...]
) -> str:
    """The outcome in one sentence, and a second one for agents that are not well; every count in it is counted here."""
    cause = _cause(error) if error else ""
    wanted = (Step.VERIFIED.value, Step.FOUND.value)
    changed = sum(agent.step in wanted and agent.verified is True for agent in agents)
    reversal = run.record.reversal
    match outcome:
        case Outcome.COMPLETE if run.parameters.dry_run:
            said = f"Dry run of day {run.day.day}: nothing was touched and nothing is proven."
        case Outcome.COMPLETE:
            said = complete_sentence(run.day.day, agents, criteria, changes=run.day.change is not None)
        case Outcome.ROLLED_BACK:
            restored, seconds = (len(reversal.restored), reversal.seconds) if reversal else (0, 0.0)
            said = f"Rolled back: {cause}. {restored} agents restored and read back in {seconds:.1f} s."
        case Outcome.HELD:
            settle = f"rollout settle {run.run_id} --site {run.site.name}"
            said = f"Held for a person: {cause}. {changed} agents are changed and verified; `{settle}` brings them back."
        case Outcome.ROLLBACK_INCOMPLETE:
            said = f"Rollback incomplete: {cause}."
        case Outcome.NOT_PASSED:
            said = f"Not passed: {cause}. No agent was changed."
        case Outcome.REFUSED:
            tried = ", ".join(run.ledger.in_step(Step.RESTORED))
            said = f"Refused: {cause}. " + (f"Tried on {tried} and brought back, verified." if tried else "Nothing was touched.")
    unwell = [agent.agent for agent in agents if agent.verified is not True]
    return said + (f" Not seen well at the end: {', '.join(unwell)}." if unwell else "")


def _cause(error: BaseException) -> str:
    """The error's own words; kinds that are not ours say what they are."""
    if isinstance(error, RolloutError):
        return str(error).rstrip(".")
    if isinstance(error, Pause):
        return "the run was suspended in Prefect; Resume goes on where it stopped"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
