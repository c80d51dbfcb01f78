"""How the page begins: the outcome, the criteria, and the plan beside what happened."""

from __future__ import annotations

from rollout.html.facts import Fact, Facts
from rollout.html.tags import As, Column, chip, folded, listed, paragraph, section, show, table


def header(facts: Facts) -> str:
    """Title, the outcome in one sentence, and where and when it was."""
    report = facts.report
    lines = [
        ("Outcome", f"{chip(report['outcome'])} exit code {show(report['exit_code'], As.COUNT)}"),
        ("Alert level at the end", _alert(report["alert"])),
        ("Site, fleet, plan", listed([report["site"], report["fleet"], report["plan"]])),
        ("Began", f"{show(report['started'], As.DATE)} {show(report['started'], As.CLOCK)} UTC"),
        ("Took", show(report["ended"] - report["started"], As.SECONDS)),
        ("Pace", show(report["pace"], As.NUMBER)),
        ("Run", show(report["run_id"])),
    ]
    facts_list = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in lines)
    rehearsal = _rehearsal(report["rehearsal"]) if report["rehearsal"].value else ""
    return (
        f"<header><p class='kind'>Rollout report, day {show(report['day'], As.COUNT)}</p><h1>{show(report['title'])}</h1>"
        f"{paragraph(show(report['sentence']), 'lead')}<dl>{facts_list}</dl>{rehearsal}</header>"
    )


def _rehearsal(settings: Fact) -> str:
    """There may be dozens; the criteria are not to wait behind them."""
    return f"<div class='rehearsal'>{folded('Rehearsal settings in force, each instead of what the plan says', paragraph(show(settings)))}</div>"


def _alert(alert: Fact) -> str:
    if alert.value is None:
        return show(alert)
    reasons = listed(alert["reasons"], "; ")
    return chip(alert["level"]) + (f" {reasons}" if reasons else "")


def criteria(facts: Facts) -> str:
    """Each criterion with bound, observed value, verdict and evidence; only MET is a yes."""
    rows = [
        [show(each["id"]), show(each["statement"]), show(each["bound"]), chip(each["verdict"]), show(each["observed"]), _evidence(each)]
        for each in facts.report["criteria"]
    ]
    columns = [Column("Criterion"), Column("Statement"), Column("Bound"), Column("Verdict"), Column("Observed"), Column("Because")]
    if not rows:
        return section("criteria", "Criteria", paragraph("This run has no criteria."))
    return section("criteria", "Criteria", table("What the plan promises, and what was measured of it", columns, rows))


def _evidence(criterion: Fact) -> str:
    """The sentence, and behind it source and number of samples."""
    said = show(criterion["sentence"])
    if not criterion["samples"].value:
        return said
    return f"{said} <small>{show(criterion['source'])}, {show(criterion['samples'], As.COUNT)} samples</small>"


def plan(facts: Facts) -> str:
    """The plan's hours beside the time that each step took."""
    steps = facts.report["steps"] if "steps" in facts.report.value else Fact([], "")
    if not steps.value:
        return section("plan", "Plan against actual", paragraph("The times of the steps were not measured by this run.", "none"))
    rows = [
        [
            f"{show(step['title'])} <small>{show(step['source'])}</small>",
            f"{show(step['planned_from'])} to {show(step['planned_to'])}" if step["planned_from"].value else "no hours",
            f"{show(step['began'], As.CLOCK)} to {show(step['ended'], As.CLOCK)}",
            show(step["budget_seconds"], As.SECONDS) if step["budget_seconds"].value else "none",
            show(step["ended"] - step["began"], As.SECONDS),
            show((step["ended"] - step["began"]) / step["budget_seconds"], As.SHARE) if step["budget_seconds"].value else "none",
        ]
        for step in steps
    ]
    columns = [Column("Step"), Column("Planned"), Column("Actual, UTC"), Column("Budget", True), Column("Took", True), Column("Of the budget", True)]
    told = "The plan's hours are budgets, not waits. "
    pace = f"Intervals between batches were compressed {show(facts.report['pace'], As.NUMBER)} times." if facts.report["pace"].value != 1 else ""
    return section("plan", "Plan against actual", paragraph(told + pace), table("Steps of the day", columns, rows))
