"""Day 7: performance report, success documentation and readiness for week 4, from stored evidence and nothing else (plan.md lines 314-330)."""

from __future__ import annotations

from prefect import flow
from pydantic import Field

from flows.day_run import DayRun
from flows.opening import day_run
from flows.scoring import score, take_week_end
from rollout.parameters import DayParameters
from rollout.scoreboard import GATE, Scoreboard, findings_of
from rollout.scoreboard_file import JSON, MARKDOWN, write_scoreboard
from tasks.publish import publish_scoreboard


class ReviewParameters(DayParameters):
    """The week that is reviewed; the rest as for every day."""

    week: str = Field(default="", pattern=r"^([0-9a-f-]{36})?$", description="Id of a week's run; by default the newest run of each day counts.")


@flow(name="day-7-review", flow_run_name="day-7-review-{parameters.site}", persist_result=False)
def day7_review(parameters: ReviewParameters = ReviewParameters()) -> None:  # noqa: B008 (frozen)
    """Judge every criterion of the plan from what the days have stored."""
    with day_run(parameters, day=7) as run:
        with run.step("Performance validation and reporting"):
            board = score(run.site, run.plan, parameters.week)
            take_week_end(run, board)
        with run.step("Week 3 success documentation"):
            document(run, score(run.site, run.plan, parameters.week))


def document(run: DayRun, board: Scoreboard) -> None:
    """Keep the week's verdicts as this day's findings, and the scoreboard as files and in the UI."""
    run.keep(GATE, findings_of(board, run.day.day))
    write_scoreboard(run.folder, board)
    run.record.samples |= {"scoreboard": JSON, "scoreboard as text": MARKDOWN}
    publish_scoreboard(board)
