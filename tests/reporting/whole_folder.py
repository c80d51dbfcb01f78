"""A report's folder as a run leaves it: report, page, samples of two batches, judgements and ledger, all true to each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rollout.audit import Answer, AuditEntry, AuditFile
from rollout.change import Snapshot
from rollout.evidence import digest, with_records
from rollout.judge.batch import judge_batch
from rollout.judge.day import judge_day
from rollout.judge_findings import batch_findings, day_findings
from rollout.judgement_file import JUDGEMENTS, JudgedBy, write_judgements
from rollout.ledger import Ledger, Step
from rollout.report import AgentReport, BatchReport, DayReport, Outcome, StepReport
from rollout.report_entries import check_report, criterion_report
from rollout.report_file import write_report
from rollout.telling import complete_sentence
from rollout.verdict import Evidence, Finding, Verdict
from tests.fakes.clock import JumpingClock
from tests.judge.fleet_frames import MEMORY, POLICY, batch_of, make_frame

RUN = "11111111-2222-3333-4444-555555555555"
JUDGED = replace(POLICY, metrics=(*POLICY.metrics, MEMORY))
BEGAN = 1_795_694_000.0
SEEN = Evidence("hub", "up", BEGAN, BEGAN + 500, 20)
STATEMENTS = {"D1.2": ("No performance degradation", "< 2 %", "impact"), "D1.5": ("Active endpoints", "20 of 20", "collection.target")}


def whole_folder(folder: Path, *, agent: str = "", note: str = "") -> Path:
    """Write it and return the report's folder. agent: a name for the first agent of the first batch; note: something that the run noted."""
    reports = folder / "reports" / RUN
    (reports / "samples").mkdir(parents=True)
    frames = [make_frame(seed=seed, extra={"memory": (100.0, 103.0)}) for seed in (1, 2)]
    if agent:
        first = batch_of(frames[0])[0]
        frames = [frame.assign(agent=frame["agent"].replace(first, agent)) for frame in frames]
    frames[1] = frames[1].assign(agent=frames[1]["agent"] + "b")
    for index, frame in enumerate(frames, start=1):
        frame.to_parquet(reports / f"samples/batch-{index:02d}.parquet", index=False)
    judged = {}
    for index, frame in enumerate(frames, start=1):
        judged[index] = judge_batch(frame, JUDGED, roster=batch_of(frame), pooled=list(judged.values()))
    day = judge_day(list(judged.values()))
    write_judgements(reports, judged, (), day, JudgedBy(JUDGED))
    clock = JumpingClock(BEGAN)
    ledger = Ledger(folder / "runs" / RUN / "ledger.jsonl", clock)
    batches = _roll_out(ledger, clock, reports, judged)
    audit = AuditFile(folder)
    audit.append(AuditEntry(BEGAN + 20, RUN, Answer.PROMOTE, "Ada", "<b>seen</b> it myself"))
    checks = {
        "impact": day_findings(day, SEEN, list(judged.values())),
        "collection": (Finding("collection.target", Verdict.PASS, "20 of 20", "20 of 20", "The hub sees 20 of 20.", SEEN),),
    }
    report = _report(reports, ledger, clock, batches, checks, note)
    write_report(reports, with_records(report, reports, ledger.file, audit))
    return reports


def _roll_out(ledger: Ledger, clock: JumpingClock, reports: Path, judged: dict) -> list[BatchReport]:
    """The ledger of two batches, and the batches as the report has them."""
    ledger.append(1, Step.OPENED, day=1, plan="week3", site="lab", change="metrics", on_cancel="roll back")
    batches = []
    for index, judgement in judged.items():
        agents = judgement.treated
        began = clock.now()
        ledger.intend(1, [Snapshot(agent, {}, f"{'ab'[index - 1]}" * 64, 100 + at, BEGAN - 1000) for at, agent in enumerate(agents)], index)
        clock.sleep(2.5)
        ledger.append(1, Step.VERIFIED, agents, batch=index)
        verified = clock.now()
        clock.sleep(60)
        found = batch_findings(judgement, SEEN)
        batch = BatchReport(
            index=index, agents=agents, canary=False, began=began, verified=verified, ended=clock.now(), decision="promote", extensions=0,
            checks=tuple(check_report(finding.check.partition(".")[0], finding) for finding in found), samples=f"samples/batch-{index:02d}.parquet",
        )  # fmt: skip
        ledger.append(1, Step.DECIDED, batch=index, goes_on=True, report=batch.model_dump(mode="json"))
        batches.append(batch)
    return batches


def _report(reports: Path, ledger: Ledger, clock: JumpingClock, batches: list[BatchReport], checks: dict, note: str) -> DayReport:
    away = ledger.away_seconds()
    agents = tuple(
        AgentReport(
            agent=agent, batch=batch.index, step="verified", verified=True, state="healthy, metrics on", pid_before=100 + at, pid_after=200 + at,
            started_before=BEGAN - 1000, started_after=batch.began + 1, configured_before="a" * 64, configured_after="c" * 64,
            away_seconds=away[agent],
        )
        for batch in batches
        for at, agent in enumerate(batch.agents)
    )  # fmt: skip
    criteria = tuple(
        criterion_report(identity, statement, bound, checks[measured_by.partition(".")[0]], measured_by)
        for identity, (statement, bound, measured_by) in STATEMENTS.items()
    )
    names = [JUDGEMENTS, *(batch.samples for batch in batches)]
    return DayReport(
        run_id=RUN, plan="week3", day=1, title="Exporters", site="lab", fleet="week3", rehearsal="pace 30 instead of 1", outcome=Outcome.COMPLETE,
        exit_code=0, sentence=complete_sentence(1, agents, criteria, changes=True), cause="", pace=30.0, started=BEGAN - 5, ended=clock.now() + 5,
        steps=(
            StepReport(title="Exporter activation", source="plan.md:60", planned_from="09:00", planned_to="12:00", budget_seconds=10800.0,
                       began=BEGAN, ended=clock.now()),
            StepReport(title="Readiness", source="plan.md:35", planned_from=None, planned_to=None, budget_seconds=None, began=BEGAN - 5, ended=BEGAN),
        ),
        criteria=criteria, checks=tuple(check_report(gate, finding) for gate, found in checks.items() for finding in found),
        batches=tuple(batches), agents=agents, rollback=None, unknowns=("whether it rained",), notes=(note,) if note else (),
        evidence={name: digest(reports / name) for name in names},
    )  # fmt: skip
