"""The named rules that judge the week: each a pure function of other rows, of stored reports or of dated records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rollout.checkpoints import CHECKPOINT_OF, CheckpointKind
from rollout.final_look import UNTOUCHED
from rollout.ledger import Step
from rollout.plan import Criterion, WeekRule
from rollout.report import DayReport, Outcome
from rollout.scoreboard import VERDICT_OF, Board, Rule
from rollout.verdict import Evidence, Finding, Standing, Verdict

LOST = "requests_lost"
"""The check in which a day counts the requests that were lost while it ran."""
LASTING = ("activation", "batch_health", "batch_errors", "system_health")
"""Gates that look at all changed agents once more when the batches of a day are over."""
UNMOVED = frozenset({UNTOUCHED, Step.FOUND.value})
"""Steps of an agent that was not away."""
PROMISED = frozenset({"success", "mandatory"})
"""Kinds of criteria that "week 3 criteria achieved" means; tests, budgets and stretch goals are rows of their own."""


def all_of(board: Board, criterion: Criterion) -> Finding:
    """Met when all rows that it rests on are; otherwise what the worst of them is, with its sentence."""
    rows = [board.row(identity) for identity in criterion.rests_on]
    observed = "; ".join(f"{row.id} {row.observed}" for row in rows)
    verdict = max(VERDICT_OF[row.verdict] for row in rows)
    bad = [row for row in rows if VERDICT_OF[row.verdict] is verdict]
    sentence = " ".join(f"{row.id} is {row.verdict.value}: {row.sentence}" for row in (rows if verdict is Verdict.PASS else bad))
    return _finding(board, criterion, verdict, observed, sentence)


def uptime(board: Board, criterion: Criterion) -> Finding:
    """No agent was down but for the restarts that its change needed (M.4). Planned time away is counted; anything else is unplanned."""
    deployed, missing = _deployments(board)
    failed: set[str] = set()
    planned, touched, unknown = 0.0, 0, 0
    for report in deployed:
        failed |= {agent for batch in report.batches for check in batch.checks if check.verdict == Verdict.FAIL.name for agent in check.agents}
        failed |= {agent.agent for agent in report.agents if agent.verified is not True}
        failed |= {agent for check in report.checks if check.verdict == Verdict.FAIL.name and check.gate in LASTING for agent in check.agents}
        failed |= {agent.agent for agent in report.agents if agent.unplanned_seconds}
        failed |= set(report.rollback.quarantined) if report.rollback else set()
        away = [agent.away_seconds for agent in report.agents if agent.step not in UNMOVED]
        touched += len(away)
        unknown += sum(seconds is None for seconds in away)
        planned += sum(seconds for seconds in away if seconds is not None)
    if failed:
        return _finding(board, criterion, Verdict.FAIL, f"{len(failed)} agents failed", f"Down or unwell beyond their restart: {_names(failed)}.")
    if not deployed or unknown:
        why = f"the time away of {unknown} changes is not stored" if unknown else "no day has deployed anything"
        return _finding(board, criterion, Verdict.ERROR, "not measured", f"Unplanned downtime cannot be told from planned: {why}.")
    observed = f"0 s unplanned; {planned:.0f} s planned over {touched} restarts"
    told = f"No agent failed while {len(deployed)} deployments changed it; planned time away {planned:.0f} s in {touched} changes of an agent."
    return _partial(board, criterion, observed, told, missing)


def nothing_lost(board: Board, criterion: Criterion) -> Finding:
    """The requests that were lost while days deployed (S.4), as those days counted them."""
    deployed, missing = _deployments(board)
    silent = [report.day for report in deployed if not any(check.gate == LOST for check in report.checks)]
    found = [check for report in deployed for check in report.checks if check.gate == LOST]
    if silent or not found:
        why = f"day {', '.join(map(str, silent))} did not count them" if silent else "no day has deployed anything"
        return _finding(board, criterion, Verdict.ERROR, "not measured", f"Lost requests are not known: {why}.")
    verdict = max(Verdict[check.verdict] for check in found)
    observed = "; ".join(check.observed for check in found)
    told = " ".join(check.sentence for check in found)
    return _partial(board, criterion, observed, told, missing) if verdict is Verdict.PASS else _finding(board, criterion, verdict, observed, told)


def level_shown(board: Board, criterion: Criterion) -> Finding:
    """Every report that stands shows an alert level (A.1)."""
    reports = list(board.week.reports.values())
    shown = [report for report in reports if report.alert is not None]
    observed = f"{len(shown)} of {len(reports)} reports"
    levels = ", ".join(f"day {report.day} {report.alert.level}" for report in shown if report.alert)
    if not reports:
        return _finding(board, criterion, Verdict.ERROR, "not measured", "No day has run.")
    if len(shown) < len(reports):
        return _finding(board, criterion, Verdict.FAIL, observed, f"Not every report shows a level. Shown: {levels or 'none'}.")
    return _finding(board, criterion, Verdict.PASS, observed, f"Derived from what was observed at the end of each day: {levels}.")


def rehearsed(board: Board, criterion: Criterion) -> Finding:
    """What the record of rehearsals says of a criterion that belongs to no day."""
    found = board.week.rehearsed.get(criterion.id, ())
    if not found:
        return _finding(board, criterion, Verdict.ERROR, "not measured", "No rehearsal of it is on record.")
    return max(found, key=lambda finding: finding.verdict)


def checkpoints(board: Board, criterion: Criterion) -> Finding:
    """The checkpoints of that kind: one for each day's run that it is due for, each passed (C.1 to C.4)."""
    kind, week = CHECKPOINT_OF[criterion.id], board.week
    reviews = {each.day for each in week.plan.criteria if each.rule is WeekRule.READY}  # a review judges before its own end
    if kind is CheckpointKind.WEEK_END:
        ends = max((report.ended for day, report in week.reports.items() if day not in reviews), default=float("inf"))
        taken = [each for each in week.checkpoints if each.kind is kind and each.site == week.site and each.at >= ends]
        if not taken:
            return _finding(board, criterion, Verdict.ERROR, "not taken", "No week-end checkpoint was taken after the days that stand.")
        return _finding(board, criterion, taken[-1].verdict, "taken", taken[-1].sentence)
    days = [day for day in week.plan.days if day.day not in reviews]
    due = [day.day for day in days if kind is not CheckpointKind.POST_DEPLOYMENT or day.change is not None]
    newest = {each.run: each for each in week.checkpoints if each.kind is kind}
    taken_of = {day: newest.get(week.reports[day].run_id) for day in due if day in week.reports}
    verdicts = [Verdict.ERROR if each is None else each.verdict for each in taken_of.values()]
    passed = verdicts.count(Verdict.PASS)
    observed = f"{passed} of {len(due)} days"
    told = [f"day {day}: {each.sentence if each else 'not taken'}" for day, each in taken_of.items()]
    left = [day for day in due if day not in taken_of]
    sentence = "; ".join(told) + (f"; days without a run: {', '.join(map(str, left))}" if left else "")
    verdict = max(verdicts, default=Verdict.ERROR)
    if verdict is Verdict.PASS and left:
        verdict = Verdict.INCONCLUSIVE
    return _finding(board, criterion, verdict, observed, f"{sentence[:1].upper()}{sentence[1:]}.")


def achieved(board: Board, criterion: Criterion) -> Finding:
    """What the week promised: every success criterion and every mandatory achievement (D7.2)."""
    rows = [board.row(each.id) for each in board.week.plan.criteria if each.kind in PROMISED and each.rule not in (WeekRule.ACHIEVED, WeekRule.READY)]
    counted = {standing: [row.id for row in rows if row.verdict is standing] for standing in Standing}
    observed = f"{len(counted[Standing.MET])} of {len(rows)} MET"
    open_ones = "; ".join(f"{standing.value}: {', '.join(ids)}" for standing, ids in counted.items() if ids and standing is not Standing.MET)
    verdict = max((VERDICT_OF[row.verdict] for row in rows), default=Verdict.ERROR)
    return _finding(board, criterion, verdict, observed, f"{observed} of what the week promised" + (f"; {open_ones}." if open_ones else "."))


def ready(board: Board, criterion: Criterion) -> Finding:
    """Week 4 can be planned: the mandatory achievements are MET and no run is left for a person (D7.3)."""
    rows = [board.row(each.id) for each in board.week.plan.criteria if each.kind == "mandatory"]
    blocking = [f"{row.id} is {row.verdict.value}" for row in rows if row.verdict is not Standing.MET]
    left = [report for report in board.week.reports.values() if report.outcome in (Outcome.HELD, Outcome.ROLLBACK_INCOMPLETE)]
    blocking += [f"day {report.day} is {report.outcome.value}" for report in left]
    verdict = max([VERDICT_OF[row.verdict] for row in rows] + [Verdict.FAIL] * bool(left), default=Verdict.ERROR)
    observed = f"{len(blocking)} points stand in the way" if blocking else "ready"
    return _finding(board, criterion, verdict, observed, f"In the way: {'; '.join(blocking)}." if blocking else "Every mandatory achievement is MET.")


RULES: Mapping[WeekRule, Rule] = {
    WeekRule.ALL_OF: all_of,
    WeekRule.UPTIME: uptime,
    WeekRule.NOTHING_LOST: nothing_lost,
    WeekRule.LEVEL_SHOWN: level_shown,
    WeekRule.CHECKPOINTS: checkpoints,
    WeekRule.REHEARSALS: rehearsed,
    WeekRule.ACHIEVED: achieved,
    WeekRule.READY: ready,
}


def _deployments(board: Board) -> tuple[list[DayReport], list[int]]:
    """Reports of the days that change agents, and such days without one."""
    days = [day.day for day in board.week.plan.days if day.change is not None]
    return [board.week.reports[day] for day in days if day in board.week.reports], [day for day in days if day not in board.week.reports]


def _partial(board: Board, criterion: Criterion, observed: str, told: str, missing: Sequence[int]) -> Finding:
    """A pass that speaks for all deployments, or for some of them only."""
    if not missing:
        return _finding(board, criterion, Verdict.PASS, observed, told)
    left = ", ".join(map(str, missing))
    return _finding(board, criterion, Verdict.INCONCLUSIVE, observed, f"{told} Days without a run: {left}.")


def _finding(board: Board, criterion: Criterion, verdict: Verdict, observed: str, sentence: str) -> Finding:
    """A rule's word; its samples are the reports that stand."""
    reports = list(board.week.reports.values())
    times = [moment for report in reports for moment in (report.started, report.ended)] or [0.0]
    evidence = Evidence("stored reports and records", criterion.measured_by, min(times), max(times), max(len(reports), 1))
    return Finding(criterion.id, verdict, observed, criterion.bound, sentence, evidence)


def _names(agents: set[str]) -> str:
    return ", ".join(sorted(agents))
