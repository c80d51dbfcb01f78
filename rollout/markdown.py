"""The report as markdown, for people: the only place where verdicts become text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rollout.markdown_load import levels_table
from rollout.markdown_table import bullets, table
from rollout.report import DayReport, OptimizationReport
from rollout.verdict import Standing

LISTED = 12
"""Names in one table cell before the rest is counted instead."""


def render(report: DayReport) -> str:
    """The whole report; tables only, since Prefect's page shows neither HTML nor diagrams."""
    when = f"{_time(report.started)} to {_time(report.ended)} ({report.ended - report.started:.0f} s)"
    where = f"Site {report.site}, fleet {report.fleet}, plan {report.plan}, pace {report.pace:g}"
    parts = [
        f"# Day {report.day}: {report.title}",
        f"**{report.sentence}**",
        f"Outcome: {report.outcome.value} (exit code {report.exit_code}). {where}. Run {report.run_id}, {when}.",
    ]
    if report.alert:
        parts.append(f"Alert level at the end: {report.alert.level}{''.join(f'; {reason}' for reason in report.alert.reasons)}.")
    if report.rehearsal:
        parts.append(f"Rehearsal settings in force: {report.rehearsal}.")
    parts += ["## Criteria", _criteria(report)]
    if report.batches:
        parts += ["## Batches", _batches(report)]
    if report.levels:
        parts += ["## Load", levels_table(report.levels)]
    if report.rollback:
        parts += ["## Rollback", _rollback(report)]
    if report.optimization:
        parts += ["## Optimization", _optimization(report.optimization)]
    parts += ["## What we could not know", bullets(report.unknowns) or "Nothing that this run was asked for stayed unknown."]
    if report.notes:
        parts += ["## Notes", bullets(report.notes)]
    parts += ["## Agents", _agents(report)]
    parts += ["## Evidence", bullets(f"{name} {digest}" for name, digest in report.evidence.items()) or "No samples were kept."]
    return "\n\n".join(parts) + "\n"


def _criteria(report: DayReport) -> str:
    rows = [[c.id, c.statement, c.bound, mark(c.verdict), c.observed, c.sentence] for c in report.criteria]
    return table(["Criterion", "Statement", "Bound", "Verdict", "Observed", "Because"], rows)


def _batches(report: DayReport) -> str:
    rows = []
    for batch in report.batches:
        bad = [check.sentence.rstrip(".") for check in batch.checks if check.verdict != "PASS"]
        because = "; ".join(bad) or f"{len(batch.checks)} checks passed"
        rows.append(
            [
                str(batch.index),
                _names(batch.agents),
                f"{batch.verified - batch.began:.1f} s",
                f"{batch.ended - batch.began:.1f} s",
                batch.decision + (f"; set back alone: {', '.join(batch.set_back)}" if batch.set_back else ""),
                because,
            ]
        )
    return table(["Batch", "Agents", "To verified", "In all", "Decision", "Because"], rows)


def _rollback(report: DayReport) -> str:
    rollback = report.rollback
    if rollback is None:
        return ""
    healthy = "not measured" if rollback.seconds_to_healthy is None else f"{rollback.seconds_to_healthy:.1f} s"
    rows = [
        ["Cause", rollback.cause],
        ["Restored and read back", f"{len(rollback.restored)} agents in {rollback.seconds_to_restored:.1f} s of {rollback.budget_seconds:.0f} s"],
        ["Healthy and grossly normal", healthy],
        ["Baseline", rollback.baseline],
        ["Quarantined", "; ".join(f"{agent}: {reason}" for agent, reason in rollback.quarantined.items()) or "none"],
    ]
    return table(["Clock", "Value"], rows)


def _optimization(done: OptimizationReport) -> str:
    counted = ", ".join(f"{number} {outcome}" for outcome, number in done.counts.items() if number)
    said = f"Pattern {done.pattern}; to be saved: more than {done.claim:.0%} of the start-up. {counted}.\n\n" + bullets(done.sentences)
    head = ["Agent", "Outcome", "Start-up", "Ratio (bound)", "Start-up by Prometheus", "First request", "Memory", "Because"]
    rows = [
        [
            row.agent,
            row.outcome,
            _pair(row.seconds, ".3f", "s"),
            "not measured" if row.ratio is None else f"{row.ratio:.2f} ({'no bound' if row.upper is None else f'< {row.upper:.2f}'})",
            _pair(row.confirmed, ".3f", "s"),
            _pair(row.first_request, ".3f", "s"),
            _pair(row.memory, ".1f", "MiB"),
            row.reason,
        ]
        for row in done.agents
    ]
    return f"{said}\n\n{table(head, rows)}"


def _pair(pair: tuple[float | None, float | None], form: str, unit: str) -> str:
    """Before and after, as far as they were measured."""
    before, after = ("not measured" if value is None else f"{value:{form}}" for value in pair)
    return "not measured" if before == after == "not measured" else f"{before} -> {after} {unit}"


def _agents(report: DayReport) -> str:
    rows = [
        [
            a.agent,
            str(a.batch or "-"),
            a.step,
            a.state,
            str(a.pid_before or "-"),
            str(a.pid_after or "-"),
            *("-" if value is None else f"{value:.1f}" for value in (a.downtime_seconds, a.unplanned_seconds, a.requests_lost)),
        ]
        for a in report.agents
    ]
    head = ["Agent", "Batch", "Ledger", "Seen at the end", "Pid before", "Pid after", "Away as planned (s)", "Unplanned (s)", "Requests lost"]
    return table(head, rows)


def mark(standing: Standing) -> str:
    """The verdict; only MET is set in bold, so that nothing else looks like it."""
    return f"**{standing.value}**" if standing is Standing.MET else standing.value


def _names(agents: Sequence[str]) -> str:
    shown = ", ".join(agents[:LISTED])
    return f"{shown} and {len(agents) - LISTED} more" if len(agents) > LISTED else shown


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
