"""A held run waits for a person without a process: suspended in Prefect, with a form whose answer the resumed run heeds (issue 3, section 3)."""

from __future__ import annotations

from typing import cast
from uuid import UUID

import httpx
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.input.run_input import keyset_from_base_key
from pydantic import Field, ValidationError

from flows.day_run import DayRun
from rollout.audit import Answer, AuditEntry
from rollout.report import DayReport

PATIENCE = 7 * 24 * 3600
"""Seconds for an answer; a run that nobody answers fails then, still held."""


class HoldAnswer(RunInput):
    """The form of a held run. Promote: go on with the next batch. Extend: measure this batch once more. Roll back: bring everything back."""

    decision: Answer = Field(description="How it goes on.")
    name: str = Field(min_length=1, description="Who decides. Self-declared: the open-source server has no identities.")
    reason: str = Field(min_length=1, description="Why; it stands in the report and in the audit file.")


def wait_for_a_person(run: DayRun, report: DayReport) -> None:
    """Suspend the flow run, which ends this process; returns only where that is not possible (no deployment, a cancelled run, no server)."""
    form = HoldAnswer.with_initial_data(description=f"**{report.sentence}**\n\nThe report: `{run.folder / 'report.md'}`")
    try:
        suspend_flow_run(wait_for_input=form, timeout=PATIENCE, key=_key(run))
    except (RuntimeError, httpx.HTTPError) as error:
        run.log.warning("the run could not be suspended (%s); `rollout settle` or Retry is what is left", error)


def answer_of(run: DayRun) -> AuditEntry | None:
    """The answer to the last hold, recorded now; None where there is none or an earlier attempt has heeded it.

    A word to go back is heeded by going back: an attempt that died before it began to leaves it to the next one.
    """
    holds, answers = run.ledger.holds(), [entry for entry in run.audit.of(run.run_id) if isinstance(entry.said, Answer)]
    if answers and answers[-1].said is Answer.ROLL_BACK and not run.ledger.gone_back_since(answers[-1].at):
        return answers[-1]
    if not holds or (answers and answers[-1].at >= holds[-1].at):
        return None
    try:
        said = cast("HoldAnswer", HoldAnswer.load(keyset_from_base_key(f"suspended-{_key(run)}"), UUID(run.run_id)))
    except (KeyError, ValidationError, PrefectHTTPStatusError):  # held without a form, or retried instead of answered
        return None
    answer = AuditEntry(run.site.clock.now(), run.run_id, said.decision, said.name, said.reason)
    run.audit.append(answer)
    return answer


def _key(run: DayRun) -> str:
    """One key a hold, the same before and after: Prefect lets a key suspend a run once."""
    return f"hold-{len(run.ledger.holds())}"
