"""What earlier attempts of a run leave to this one: Retry and Resume run a day's flow from the top, and the ledger says how far it had come."""

from __future__ import annotations

from flows.day_run import DayRun
from flows.set_back import tell_set_back
from rollout.audit import Answer, AuditEntry
from rollout.batches import Batch
from rollout.judgement_file import JUDGEMENTS, read_judgements
from rollout.ledger import Step
from rollout.progress import Decision
from rollout.report import BatchReport

GO_ON = frozenset({Decision.PROMOTE, Decision.COMPLETE})
"""Decisions after which a batch is finished."""


def decided(run: DayRun, batch: BatchReport, *, goes_on: bool) -> None:
    """Write a batch's decision to the ledger, with all that a later attempt's report has to say of it. Raises OwnershipLost."""
    run.ownership.check()
    run.ledger.append(run.ownership.epoch, Step.DECIDED, batch=batch.index, goes_on=goes_on, report=batch.model_dump(mode="json"))


def promote_by_hand(run: DayRun, answer: AuditEntry) -> None:
    """Let the held batch go on because a person said so; the report carries the name and the reason beside what was measured."""
    held = run.ledger.decisions().get(run.ledger.holds()[-1].batch)
    if held is None or held.facts["goes_on"]:
        return
    report = BatchReport.model_validate(held.facts["report"])
    said = f"{Answer.PROMOTE.value}, by {answer.name}: {answer.reason}"
    decided(run, report.model_copy(update={"decision": said}), goes_on=True)


def recall(run: DayRun) -> None:
    """Take over the batches that are finished: their reports, judgements and samples. They are neither restarted nor judged again."""
    standing = [BatchReport.model_validate(entry.facts["report"]) for entry in run.ledger.decisions().values() if entry.facts["goes_on"]]
    finished = [report for report in standing if set(report.agents) - report.set_back.keys() <= set(run.changed())]
    if not finished:
        return
    run.record.batches = sorted(finished, key=lambda report: report.index)
    run.set_back = {agent: reason for report in finished for agent, reason in report.set_back.items()}
    tell_set_back(run)
    run.record.samples = {f"batch-{report.index:02d}": report.samples for report in finished if report.samples}
    if (run.folder / JUDGEMENTS).exists():
        stored = read_judgements(run.folder)
        run.judged = {report.index: stored.batches[report.index] for report in finished if report.index in stored.batches}
        run.restart_effects = stored.placebo
    run.record.notes.append(f"resumed: {len(finished)} batches with {sum(len(report.agents) for report in finished)} agents were finished before")


def is_finished(run: DayRun, batch: Batch) -> bool:
    """Whether an earlier attempt has taken exactly these agents through."""
    return any(report.index == batch.index and report.agents == batch.ids for report in run.record.batches)
