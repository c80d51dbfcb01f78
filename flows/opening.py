"""How every day begins and ends: its plan and site are read, the fleet is claimed, and a report is written whatever happened in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.runtime import flow_run

from flows.attempts import promote_by_hand, recall
from flows.conclusion import conclude
from flows.day_run import DayRun
from flows.hold import answer_of, wait_for_a_person
from flows.lost_requests import count_lost_requests
from flows.needs import meet_needs
from rollout.audit import Answer
from rollout.checkout import site_file
from rollout.checkpoints import CheckpointFile, day_checkpoints
from rollout.drift import Bystanders
from rollout.errors import Drift, Held, Refused
from rollout.freeze import freeze_at
from rollout.ledger import Step
from rollout.named_plan import named_plan
from rollout.parameters import DayParameters
from rollout.report import DayReport, Outcome
from rollout.run_ledger import run_ledger
from rollout.site import load_site


@contextmanager
def day_run(parameters: DayParameters, day: int) -> Iterator[DayRun]:
    """Open a day's run and conclude it, whatever happens in between: a report is written on failure too.

    Raises InputError when a file of the user's is wrong and Refused when the day may not start.
    """
    written = named_plan(parameters.plan)
    site = load_site(site_file(parameters.site), written.day(day).deadlines)
    plan = written.for_site(site.rehearsal)
    run = DayRun(str(flow_run.id), plan, plan.day(day), site, parameters)
    try:
        meet_needs(run)
        yield run
    except BaseException as error:
        if isinstance(error, Exception):  # who is being killed has no time to count
            count_lost_requests(run)
        report = conclude(run, error)
        take_checkpoints(run, report)
        if report.outcome is Outcome.HELD and isinstance(error, (Held, Drift)):
            wait_for_a_person(run, report)
        raise
    count_lost_requests(run)
    take_checkpoints(run, conclude(run, None))


def take_checkpoints(run: DayRun, report: DayReport) -> None:
    """The checkpoints that are due at the end of a day that did anything (plan.md lines 419-421)."""
    if run.parameters.dry_run or report.outcome is Outcome.REFUSED:
        return
    for checkpoint in day_checkpoints(report, run.ledger, run.plan, run.site.clock.now()):
        CheckpointFile(run.site.state).append(checkpoint)


def own_the_fleet(run: DayRun) -> None:
    """Claim the fleet and open the ledger; from here on the run has to be settled. What an earlier attempt has finished is taken over.

    Raises Refused when somebody else owns it or has settled this run meanwhile, in a freeze window, and for an answer that came too late.
    """
    settled = run.ledger.settled
    run.answer = answer_of(run)
    if run.answer is not None and settled:
        raise Refused(f"{run.answer.name} said {run.answer.said.value}, but the run was settled while it was held")
    if settled and (freeze := freeze_at(run.site.fleet.freezes, run.site.clock.now())):
        raise Refused(f"fleet {run.site.fleet.name} is {freeze}")
    epoch = run.ownership.claim(run.run_id, run.site.runs)
    if run_ledger(run.site.runs, run.run_id, run.site.clock).entries != run.ledger.entries:
        run.ownership.release()
        raise Refused("somebody settled this run while it began; start it again")
    change = run.day.change.value if run.day.change else ""
    on_cancel = run.parameters.on_cancel.value
    run.ledger.append(epoch, Step.OPENED, day=run.day.day, plan=run.plan.plan, site=run.site.name, change=change, on_cancel=on_cancel)
    if run.answer is not None and run.answer.said is Answer.PROMOTE:
        promote_by_hand(run, run.answer)
    recall(run)
    if run.answer is None or run.answer.said is not Answer.ROLL_BACK:  # going back asks nobody how the others are
        run.bystanders = Bystanders.watch(run.site.fleet, run.site.machines)
