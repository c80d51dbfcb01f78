"""A report to render, write and read."""

from __future__ import annotations

from rollout.report import AgentReport, BatchReport, CheckReport, CriterionReport, DayReport, Outcome, RollbackReport
from rollout.verdict import Standing

CRITERION = CriterionReport(
    id="D1.5",
    statement="77/77 agents with active endpoints",
    verdict=Standing.MET,
    observed="77 of 77",
    bound="77 of 77",
    source="probe",
    query="GET /metrics",
    window=(1.0, 2.0),
    samples=77,
    sentence="All answer.",
)
CHECK = CheckReport(gate="activation", check="activation.running", verdict="PASS", observed="10", bound="all", sentence="All run.", samples=10)
BATCH = BatchReport(
    index=1, agents=("east/A",), canary=True, began=10.0, verified=12.5, ended=40.0, decision="promote", extensions=0, checks=(CHECK, CHECK)
)
AGENT = AgentReport(agent="east/A", batch=1, step="verified", verified=True, state="healthy, metrics on", pid_before=7, pid_after=8)
ROLLBACK = RollbackReport(
    cause="gate activation: east/A: /metrics answers 404",
    restored=("east/A",),
    quarantined={},
    seconds_to_restored=12.34,
    seconds_to_healthy=None,
    budget_seconds=120,
    baseline="not measured",
)


def report(**changes: object) -> DayReport:
    """Day 1, complete, unless said otherwise."""
    made = DayReport(
        run_id="run-1",
        plan="week-3",
        day=1,
        title="Exporters",
        site="lab",
        fleet="week3",
        rehearsal="",
        outcome=Outcome.COMPLETE,
        exit_code=0,
        sentence="Day 1 is complete.",
        cause="",
        pace=30.0,
        started=0.0,
        ended=300.0,
        criteria=(CRITERION,),
        batches=(BATCH,),
        agents=(AGENT,),
        rollback=None,
        unknowns=(),
        evidence={"samples/batch-01.parquet": "sha256:0"},
    )
    return made.model_copy(update=changes)
