"""The week: day after day in the plan's order, each as a run of its own; the week only starts them, waits for them and keeps the account."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from flows.day_runs import PrefectDayRuns
from flows.scoring import score
from flows.week_day import Week, take_day
from rollout.checkout import site_file
from rollout.document import Document
from rollout.named_plan import named_plan
from rollout.parameters import PLAN_NAME, Acknowledgement, Override
from rollout.scoreboard_file import sentence, write_scoreboard
from rollout.site import load_site
from rollout.week_file import WeekFile
from tasks.publish import publish_scoreboard


class DayOverride(Override):
    """A person's word that lets one day of the week start without its needs."""

    day: int = Field(ge=0, description="Which day.")


class WeekParameters(Document):
    """Where, and what a person has to say before it starts."""

    plan: str = Field(default="week3", pattern=PLAN_NAME, description="Which plan: the file plans/PLAN.yaml.")
    site: str = Field(default="lab", pattern=r"^[a-z0-9][a-z0-9-]*$", description="Which place: the file fleets/SITE.yaml says how to reach it.")
    week: str = Field(default="", pattern=r"^([0-9a-f-]{36})?$", description="Id of a week that goes on: days that are complete are not run again.")
    pace: float | None = Field(default=None, ge=1, le=1000, description="Compresses the intervals between batches; by default the plan's.")
    acknowledged: tuple[Acknowledgement, ...] = Field(default=(), description="Checklist points that only a person can confirm; for day 0.")
    overrides: tuple[DayOverride, ...] = Field(default=(), description="Days that may start although criteria that they need are not MET.")


@flow(name="week", flow_run_name="{parameters.plan}-week-{parameters.site}", persist_result=False)
def week(parameters: WeekParameters = WeekParameters()) -> State[None]:  # noqa: B008 (frozen)
    """Run every day of the plan that may start, wait where one is held, and end with the scoreboard of all criteria."""
    plan = named_plan(parameters.plan)
    site = load_site(site_file(parameters.site), plan.days[0].deadlines)
    identity = parameters.week or str(flow_run.id)
    log = get_run_logger()
    this = Week(
        plan=plan,
        site=site,
        file=WeekFile(site.state, identity),
        runs=PrefectDayRuns(),
        say=log.info,
        parameters=_for_days(parameters),
        acknowledged=parameters.acknowledged,
        overrides={each.day: Override(name=each.name, reason=each.reason) for each in parameters.overrides},
        identity=identity,
    )
    for day in plan.days:
        take_day(this, day)
    board = score(site, plan, identity)
    write_scoreboard(folder_of(site.state, str(flow_run.id)), board)
    publish_scoreboard(board)
    log.info("%s", sentence(board))
    return Completed(name="Complete" if board.exit_code == 0 else "Incomplete", message=sentence(board))


def folder_of(state: Path, run: str) -> Path:
    """Where the scoreboard of that run of a week is."""
    return state / "weeks" / run


def _for_days(parameters: WeekParameters) -> dict[str, object]:
    """What every day is started with."""
    given: dict[str, object] = {"plan": parameters.plan, "site": parameters.site}
    return given if parameters.pace is None else given | {"pace": parameters.pace}
