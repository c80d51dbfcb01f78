"""The scoreboard: what stored reports say of every criterion, and nothing that they do not say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from rollout.audit import Emergency
from rollout.checkpoints import Checkpoint, CheckpointFile, CheckpointKind, day_checkpoints
from rollout.clock import SystemClock
from rollout.ledger import Ledger
from rollout.named_plan import named_plan
from rollout.needs import told, unmet_needs
from rollout.plan import Plan
from rollout.rehearsals import Rehearsal, RehearsalFile
from rollout.report import AgentReport, AlertReport, BatchReport, CheckReport, CriterionReport, DayReport, Outcome, RollbackReport
from rollout.report_file import write_report
from rollout.scoreboard import Row, Scoreboard, findings_of, scoreboard, scoreboard_schema
from rollout.scoreboard_file import read_scoreboard, render_scoreboard, sentence, write_scoreboard
from rollout.verdict import Standing, Verdict
from rollout.week_evidence import read_week
from rollout.week_file import WeekEntry, WeekFile, WeekStep
from rollout.week_rules import RULES
from tests.unit.reports import report

ROOT = Path(__file__).parents[2]
PLAN = named_plan("week3")
AGENT = AgentReport(agent="a/A", batch=1, step="verified", verified=True, state="healthy", pid_before=1, pid_after=2, away_seconds=1.5)
LOST_NONE = CheckReport(
    gate="requests_lost", check="requests_lost", verdict="PASS", observed="0 of 900", bound="0", sentence="None lost.", samples=900
)


def said(identity: str, verdict: Standing = Standing.MET) -> CriterionReport:
    """What a report says of one criterion."""
    criterion = PLAN.criterion(identity)
    return CriterionReport(
        id=identity, statement=criterion.statement, verdict=verdict, observed=f"{identity} seen", bound=criterion.bound, source="probe", query="q",
        window=(1.0, 2.0), samples=77, sentence=f"{identity} was measured.",
    )  # fmt: skip


def day(number: int, verdicts: Mapping[str, Standing] | None = None, **changes: object) -> DayReport:
    """A day that went as planned, unless said otherwise."""
    criteria = tuple(said(c.id, (verdicts or {}).get(c.id, Standing.MET)) for c in PLAN.criteria_of(number))
    plain: dict[str, object] = {
        "run_id": f"run-{number}", "plan": "week3", "day": number, "title": PLAN.day(number).title, "site": "lab", "criteria": criteria,
        "started": 100.0 * number, "ended": 100.0 * number + 50, "agents": (AGENT,), "batches": (), "checks": (LOST_NONE,),
        "alert": AlertReport(level="GREEN", reasons=()),
    }  # fmt: skip
    return report(**plain | changes)


def board(state: Path, *days: DayReport, not_built: tuple[int, ...] = (), told: WeekFile | None = None) -> Scoreboard:
    """The scoreboard of a site that holds these reports."""
    for each in days:
        write_report(state / "reports" / each.run_id, each)
    return scoreboard(read_week(state, PLAN, "lab", not_built, told), RULES, 9000.0)


@pytest.fixture
def week() -> list[DayReport]:
    """Days 0 to 6, each with everything MET."""
    return [day(number) for number in range(7)]


def standing(made: Scoreboard, *identities: str) -> list[Standing]:
    """The verdicts of these rows."""
    return [made.row(identity).verdict for identity in identities]


def test_all_rows_in_the_plans_order_with_the_way_to_their_evidence(tmp_path: Path, week: list[DayReport]) -> None:
    """69 rows; one that a day measured names the run, the file and the criterion, and says what the report says."""
    made = board(tmp_path, *week)
    assert [row.id for row in made.rows] == [criterion.id for criterion in PLAN.criteria]
    row = made.row("D1.5")
    assert (row.verdict, row.observed, row.sentence) == (Standing.MET, "D1.5 seen", "D1.5 was measured.")
    assert [(link.run, link.report, link.criterion) for link in row.evidence] == [("run-1", "reports/run-1/report.json", "D1.5")]


def test_without_a_report_nothing_is_claimed(tmp_path: Path) -> None:
    """A day that has not run and a day that is not built are NOT MEASURED, each for that reason; nothing of the week is MET."""
    made = board(tmp_path, not_built=(5,))
    assert made.counts() == {Standing.MET: 0, Standing.NOT_PROVEN: 0, Standing.NOT_MEASURED: 69, Standing.NOT_MET: 0}
    assert made.row("D1.5").sentence == "Day 1 has not run on site lab."
    assert made.row("D5.1").sentence == "Day 5 is not built."
    assert made.exit_code == 2


def test_a_week_that_went_well_is_met(tmp_path: Path, week: list[DayReport]) -> None:
    """Every mandatory and stretch goal follows from the rows below it; rehearsals and checkpoints, of which there is no record, stay out."""
    made = board(tmp_path, *week)
    assert set(standing(made, "M.1", "M.2", "M.3", "M.4", "M.5", "S.1", "S.2", "S.3", "S.4", "D7.1", "D7.2", "D7.3", "A.1")) == {Standing.MET}
    assert set(standing(made, "E1", "E2", "E3", "C.1")) == {Standing.NOT_MEASURED}
    assert made.row("M.4").observed == "0 s unplanned; 8 s planned over 5 restarts"
    assert {link.criterion for link in made.row("M.1").evidence} == {"D1.5", "D4.5"}


@pytest.mark.parametrize("verdict", [Standing.NOT_PROVEN, Standing.NOT_MEASURED, Standing.NOT_MET])
def test_a_goal_is_no_better_than_the_worst_it_rests_on(tmp_path: Path, week: list[DayReport], verdict: Standing) -> None:
    """One hub criterion that is not MET makes M.3 what it is, names it, and stands in the way of week 4."""
    week[2] = day(2, {"D2.3": verdict})
    made = board(tmp_path, *week)
    assert standing(made, "D2.3", "M.3", "D7.3") == [verdict] * 3
    assert "D2.3" in made.row("M.3").sentence
    assert "M.3" in made.row("D7.3").sentence


def test_what_was_rolled_back_does_not_stand(tmp_path: Path, week: list[DayReport]) -> None:
    """Coverage that was measured before the day was rolled back is NOT MET; that the rollback was in time stays MET."""
    week[1] = day(1, outcome=Outcome.ROLLED_BACK, exit_code=3)
    made = board(tmp_path, *week)
    assert standing(made, "D1.5", "D1.R", "M.1") == [Standing.NOT_MET, Standing.MET, Standing.NOT_MET]
    assert "the day was rolled back" in made.row("D1.5").sentence
    assert made.exit_code == 3


def back(**changes: object) -> RollbackReport:
    """One agent came back."""
    plain: dict[str, object] = {
        "cause": "slow", "restored": ("a/A",), "quarantined": {}, "seconds_to_restored": 9, "seconds_to_healthy": None, "budget_seconds": 120,
        "baseline": "not measured",
    }  # fmt: skip
    return RollbackReport.model_validate(plain | changes)


def test_what_was_rolled_back_but_for_one_does_not_stand_either(tmp_path: Path, week: list[DayReport]) -> None:
    """One agent in quarantine does not make the others changed."""
    week[1] = day(1, outcome=Outcome.ROLLBACK_INCOMPLETE, exit_code=5, rollback=back(quarantined={"a/B": "stuck"}))
    made = board(tmp_path, *week)
    assert standing(made, "D1.5", "M.1") == [Standing.NOT_MET, Standing.NOT_MET]
    assert "a/B" in made.row("D1.5").sentence


def test_an_emergency_takes_back_every_day_of_its_kind(tmp_path: Path, week: list[DayReport]) -> None:
    """All optimizations back is told by a report of day 4, and day 3's agents are not optimised any more either; metrics stay."""
    called = day(4, run_id="emergency", title="Emergency: all optimizations back", started=800.0, ended=810.0, rollback=back())
    made = board(tmp_path, *week, called)
    assert standing(made, "D3.5", "D4.5", "D1.5") == [Standing.NOT_MET, Standing.NOT_MET, Standing.MET]


def test_downtime_that_nobody_planned_is_not_uptime(tmp_path: Path, week: list[DayReport]) -> None:
    """A crash that the supervisor mended in seconds, and one that the last look of a day found."""
    week[1] = day(1, agents=(AGENT.model_copy(update={"unplanned_seconds": 7.0}),))
    made = board(tmp_path, *week)
    assert made.row("M.4").verdict is Standing.NOT_MET
    assert "a/A" in made.row("M.4").sentence
    soak = CheckReport(gate="batch_health", check="batch_health.restarts", verdict="FAIL", observed="1", bound="0", sentence="One.", samples=9,
                       agents=("a/S",))  # fmt: skip
    week[1] = day(1, checks=(LOST_NONE, soak))
    assert "a/S" in board(tmp_path, *week).row("M.4").sentence


def test_an_emergency_after_the_day_takes_its_criteria_back(tmp_path: Path, week: list[DayReport]) -> None:
    """Metrics off everywhere after day 1: its report still says MET, the scoreboard does not."""
    rollback = RollbackReport(
        cause="slow", restored=("a/A",), quarantined={}, seconds_to_restored=9, seconds_to_healthy=None, budget_seconds=120, baseline="not measured"
    )
    called = day(1, run_id="emergency", title="Emergency: metrics off", started=800.0, ended=810.0, rollback=rollback, sentence="Emergency: 1 agent.")
    made = board(tmp_path, *week, called)
    assert standing(made, "D1.5", "M.1") == [Standing.NOT_MET, Standing.NOT_MET]
    assert "Emergency: 1 agent." in made.row("D1.5").sentence


def test_the_newest_run_that_acted_counts(tmp_path: Path) -> None:
    """A later run that was refused for want of the fleet, a dry run, another site's and another plan's say nothing of what stands."""
    first, second = day(1, {"D1.5": Standing.NOT_MET}), day(1, run_id="second", started=300.0, ended=350.0)
    refused = day(1, {"D1.5": Standing.NOT_MET}, run_id="refused", started=400.0, outcome=Outcome.REFUSED, exit_code=2)
    nothing = dict.fromkeys([c.id for c in PLAN.criteria_of(1)], Standing.NOT_MEASURED)
    dry = day(1, nothing, run_id="dry", started=500.0)
    elsewhere = day(1, {"D1.5": Standing.NOT_MET}, run_id="elsewhere", started=600.0, site="other")
    other_plan = day(1, {"D1.5": Standing.NOT_MET}, run_id="plan", started=700.0, plan="config-flag")
    made = board(tmp_path, first, second, refused, dry, elsewhere, other_plan)
    assert made.row("D1.5").verdict is Standing.MET
    assert made.row("D1.5").evidence[0].run == "second"
    told_by = WeekFile(tmp_path, "w")
    told_by.append(WeekEntry(1.0, 1, WeekStep.ENDED, "run-1", ""))
    told_by.append(WeekEntry(2.0, 2, WeekStep.NOT_STARTED, "", "it needs what is not MET: D1.5"))
    of_week = board(tmp_path, told=told_by)
    assert of_week.row("D1.5").verdict is Standing.NOT_MET
    assert of_week.row("D2.1").sentence == "Day 2 has not run on site lab, since it needs what is not MET: D1.5."


def test_a_report_of_another_version_is_told_and_not_guessed(tmp_path: Path, week: list[DayReport]) -> None:
    """What cannot be read is no evidence."""
    made = board(tmp_path, *week)
    file = tmp_path / "reports" / "run-1" / "report.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"outcome"', '"outcom"'), encoding="utf-8")
    again = board(tmp_path)
    assert made.row("D1.5").verdict is Standing.MET
    assert again.row("D1.5").verdict is Standing.NOT_MEASURED
    assert again.unknowns == ("the report of run run-1 cannot be read by this version",)


def test_uptime_counts_failures_and_never_guesses_time_away(tmp_path: Path, week: list[DayReport]) -> None:
    """An agent that failed is NOT MET; a change whose time away is not stored is NOT MEASURED; deployments that did not run leave it NOT PROVEN."""
    failed = CheckReport(
        gate="batch_health", check="batch_health.probes", verdict="FAIL", observed="0", bound="1", sentence="x", samples=1, agents=("a/A",)
    )
    batch = BatchReport(index=1, agents=("a/A",), canary=True, began=1, verified=2, ended=3, decision="promote", extensions=0, checks=(failed,))
    for number, changes, verdict in (
        (1, {"batches": (batch,)}, Standing.NOT_MET),
        (1, {"agents": (AGENT.model_copy(update={"verified": False}),)}, Standing.NOT_MET),
        (1, {"agents": (AGENT.model_copy(update={"away_seconds": None}),)}, Standing.NOT_MEASURED),
    ):
        state = tmp_path / f"{verdict.name}-{len(str(changes))}"
        assert board(state, *[day(number, **changes) if each.day == number else each for each in week]).row("M.4").verdict is verdict
    assert board(tmp_path / "some", week[0], week[1]).row("M.4").verdict is Standing.NOT_PROVEN


def test_lost_requests_are_what_the_days_counted(tmp_path: Path, week: list[DayReport]) -> None:
    """One lost request is NOT MET; a deployment that did not count is NOT MEASURED, whatever the others say."""
    lost = LOST_NONE.model_copy(update={"verdict": "FAIL", "observed": "31 of 900"})
    assert board(tmp_path / "lost", *[day(1, checks=(lost,)) if each.day == 1 else each for each in week]).row("S.4").verdict is Standing.NOT_MET
    assert board(tmp_path / "silent", *[day(2, checks=()) if each.day == 2 else each for each in week]).row("S.4").verdict is Standing.NOT_MEASURED


def test_rehearsals_answer_what_no_run_had_to_do(tmp_path: Path, week: list[DayReport]) -> None:
    """E1 and D1.R cite the record of rehearsals, with its own verdict."""
    nothing = dict.fromkeys(["D1.R"], Standing.NOT_MEASURED)
    RehearsalFile(tmp_path).append(Rehearsal(5.0, Emergency.METRICS.value, "site lab", "run-r", 77, "PASS", "back in 9 s", "<= 2 min"))
    made = board(tmp_path, *[day(1, nothing) if each.day == 1 else each for each in week])
    assert standing(made, "E1", "D1.R", "E2") == [Standing.MET, Standing.MET, Standing.NOT_MEASURED]


def test_a_rehearsal_over_budget_is_not_met_until_a_later_one_is_in_time(tmp_path: Path, week: list[DayReport]) -> None:
    """The newest counts: E1 and D1.R are NOT MET by one that took too long, whatever an earlier one did."""
    nothing = dict.fromkeys(["D1.R"], Standing.NOT_MEASURED)
    days = [day(1, nothing) if each.day == 1 else each for each in week]
    seen = []
    for at, verdict, observed in ((5.0, "PASS", "back in 9 s"), (6.0, "FAIL", "back in 130 s"), (7.0, "PASS", "back in 8 s")):
        RehearsalFile(tmp_path).append(Rehearsal(at, Emergency.METRICS.value, "site lab", "run-r", 77, verdict, observed, "<= 120 s"))
        made = board(tmp_path, *days)
        seen.append(standing(made, "E1", "D1.R"))
        assert observed in made.row("E1").sentence
    assert seen == [[Standing.MET] * 2, [Standing.NOT_MET] * 2, [Standing.MET] * 2]


def test_checkpoints_are_judged_from_the_days_and_counted_by_run(tmp_path: Path, week: list[DayReport]) -> None:
    """Each day's own checkpoint counts; a day that took no baseline leaves the daily one NOT PROVEN, one without a checkpoint NOT MEASURED."""
    file = CheckpointFile(tmp_path)
    ledger = Ledger(tmp_path / "none.jsonl", SystemClock())
    for each in week[:-1]:
        for checkpoint in day_checkpoints(each, ledger, PLAN, each.ended):
            file.append(checkpoint)
    assert board(tmp_path, *week).row("C.3").verdict is Standing.NOT_MEASURED
    for checkpoint in day_checkpoints(week[-1], ledger, PLAN, 1.0):
        file.append(checkpoint)
    made = board(tmp_path, *week)
    assert standing(made, "C.1", "C.3") == [Standing.NOT_PROVEN, Standing.MET]
    assert "took no baseline" in made.row("C.1").sentence
    (tmp_path / "reports" / "run-6" / "report.json").unlink()
    assert board(tmp_path).row("C.3").verdict is Standing.NOT_PROVEN
    assert "days without a run: 6" in board(tmp_path).row("C.3").sentence
    file.append(Checkpoint(2.0, CheckpointKind.WEEK_END, "lab", 7, "run-old", Verdict.PASS, "All judged."))
    assert board(tmp_path).row("C.4").verdict is Standing.NOT_MEASURED  # an earlier week's
    file.append(Checkpoint(900.0, CheckpointKind.WEEK_END, "lab", 7, "run-7", Verdict.PASS, "All judged."))
    assert board(tmp_path).row("C.4").verdict is Standing.MET


def test_a_week_end_without_any_day_says_nothing(tmp_path: Path) -> None:
    """A checkpoint of whatever week is no evidence of one that has not run."""
    CheckpointFile(tmp_path).append(Checkpoint(900.0, CheckpointKind.WEEK_END, "lab", 7, "run-7", Verdict.PASS, "All judged."))
    assert board(tmp_path).row("C.4").verdict is Standing.NOT_MEASURED


def test_a_deployment_without_its_prior_states_is_not_ready_to_go_back(tmp_path: Path) -> None:
    """The post-deployment checkpoint asks the ledger, and an agent whose prior state is not there fails it."""
    ledger = Ledger(tmp_path / "none.jsonl", SystemClock())
    kinds = {each.kind: each for each in day_checkpoints(day(1), ledger, PLAN, 1.0)}
    assert kinds[CheckpointKind.POST_DEPLOYMENT].verdict is Verdict.FAIL
    assert "0 of 1 changed agents" in kinds[CheckpointKind.POST_DEPLOYMENT].sentence
    assert CheckpointKind.POST_DEPLOYMENT not in {each.kind for each in day_checkpoints(day(0), ledger, PLAN, 1.0)}


def test_needs_are_read_from_reports(tmp_path: Path, week: list[DayReport]) -> None:
    """Day 2 needs what day 1 must have shown; day 1's own gates answer its needs."""

    def unmet(number: int, *days: DayReport, measured: tuple[str, ...] = ()) -> tuple[Row, ...]:
        for each in days:
            write_report(tmp_path / "reports" / each.run_id, each)
        return unmet_needs(PLAN.day(number), read_week(tmp_path, PLAN, "lab"), RULES, measured)

    assert [row.id for row in unmet(2)] == ["D1.5", "D1.7", "D1.8"]
    assert [row.id for row in unmet(1)] == ["D0.1", "D0.3", "D0.4"]
    assert unmet(1, measured=("ready", "hub", "baseline")) == ()
    assert told(unmet(2, day(1, {"D1.7": Standing.NOT_PROVEN}))) == "D1.7 is NOT PROVEN (D1.7 was measured)"
    assert unmet(2, day(1, run_id="better", started=900.0)) == ()


def test_day_7_reports_its_own_criteria(tmp_path: Path, week: list[DayReport]) -> None:
    """The findings bear the names under which the plan's criteria of day 7 look for them, and a PASS has its evidence."""
    found = {finding.check: finding for finding in findings_of(board(tmp_path, *week), 7)}
    assert set(found) == {criterion.measured_by for criterion in PLAN.criteria_of(7)}
    assert found["scoreboard.M.1"].verdict is Verdict.PASS
    assert "reports/run-1/report.json" in (found["scoreboard.M.1"].evidence or pytest.fail("no evidence")).query


def test_it_is_written_and_read_again(tmp_path: Path, week: list[DayReport]) -> None:
    """JSON for programs is the value itself; the text has every criterion, the days and what is carried forward."""
    made = board(tmp_path, *week, not_built=(7,))
    write_scoreboard(tmp_path / "out", made)
    assert read_scoreboard(tmp_path / "out") == made
    text = render_scoreboard(made)
    assert all(f"| {row.id} |" in text for row in made.rows)
    assert sentence(made) in text
    assert "day 7 is not built" in text
    carried = text.partition("## Carried forward")[2].partition("## All criteria")[0]
    assert "| E1 |" in carried
    assert "| D1.5 |" not in carried


def test_the_schema_in_the_repository_is_the_scoreboards_own() -> None:
    """A field that is added or renamed shows in the committed schema."""
    assert json.loads((ROOT / "schemas" / "scoreboard.schema.json").read_text(encoding="utf-8")) == scoreboard_schema()


def test_the_plan_is_the_weeks_own() -> None:
    """The rules name no criterion: what they read stands in the plan."""
    text = (ROOT / "rollout" / "week_rules.py").read_text(encoding="utf-8")
    assert isinstance(PLAN, Plan)
    assert not any(f'"{criterion.id}"' in text for criterion in PLAN.criteria)
