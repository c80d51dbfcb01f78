"""The agents before and after, those beside them, and what a rollback took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rollout.html.canvas import ACCENT, BAD, INK, picture
from rollout.html.facts import Fact, Facts
from rollout.html.tags import As, Column, bullets, folded, listed, paragraph, section, show, table
from rollout.ledger import Step
from rollout.report import RollbackReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPEN = 12
"""Agents up to which the table is not folded away."""
MOST = 2_000
"""Agents that the table holds: more make a page that no phone opens (1.6 kB each; issue 9 allows the page 5 MB)."""
BESIDE = ("untouched", "found as wanted")
"""What a report says instead of a ledger's step of agents that the run did not change."""
DIGITS = 10
"""Of a hash; all of it stands in report.json."""


def agents(facts: Facts) -> str:
    """Each agent before and after: process, start, hash of its configuration, time away, what was seen at the end.

    Of more than MOST the table has those first that were not seen well or not left as the run wanted; all of them stand in report.json.
    """
    every = facts.report["agents"]
    chosen = list(every)
    if len(chosen) > MOST:
        chosen = sorted(chosen, key=_needs_no_look)[:MOST]
    columns = [
        Column("Agent"), Column("Batch", True), Column("Ledger"), Column("Seen at the end"), Column("Pid", True), Column("Started, UTC", True),
        Column("Configuration"), Column("Away", True),
    ]  # fmt: skip
    rows = [
        [
            show(each["agent"]),
            show(each["batch"], As.COUNT) if each["batch"].value else "none",
            show(each["step"]),
            f"{'well: ' if each['verified'].value else 'NOT WELL: ' if each['verified'].value is False else ''}{show(each['state'])}",
            _pair(each, "pid_before", "pid_after", As.COUNT),
            _pair(each, "started_before", "started_after", As.CLOCK),
            _hashes(each),
            show(_of(each, "away_seconds"), As.SECONDS),
        ]
        for each in chosen
    ]
    shown = table("Agents before and after", columns, rows, kind="dense") if rows else ""
    well = f"{show(every.count(verified=True), As.COUNT)} of {show(every.count(), As.COUNT)} agents were seen well at the end."
    if len(rows) < len(every.value):
        well += " The table has part of them, those first that need a look; all stand in report.json."
    title = "All agents" if len(rows) == len(every.value) else "Part of the agents"
    return section("agents", "Agents before and after", paragraph(well), folded(title, shown) if len(rows) > OPEN else shown)


def _needs_no_look(agent: Fact) -> tuple[bool, bool]:
    """Sorts those first that were not seen well, then those that the run did not leave as it wanted."""
    return agent["verified"].value is True, agent["step"].value in (Step.VERIFIED.value, *BESIDE)


def _of(agent: Fact, key: str) -> Fact:
    """A field that older reports do not have."""
    return agent[key] if key in agent.value else Fact(None, agent.place)


def _pair(agent: Fact, before: str, after: str, written: As) -> str:
    first, last = _of(agent, before), _of(agent, after)
    said = [show(each, written) if each.value else "unknown" for each in (first, last)]
    return said[0] if first.value == last.value else " → ".join(said)


def _hashes(agent: Fact) -> str:
    before, after = _of(agent, "configured_before"), _of(agent, "configured_after")
    if before.value is None and after.value is None:
        return "not measured"
    if before.value == after.value:
        return f"as before, {_short(after)}"
    return f"{_short(before)} → {_short(after)}"


def _short(digest: Fact) -> str:
    if digest.value is None:
        return "unknown"
    return f"<code>{show(Fact(digest.value[:DIGITS], f'start({digest.place})'))}</code>"


def bystanders(facts: Facts) -> str:
    """Agents that were not part of it, and whatever else happened in the windows of those that were."""
    report = facts.report
    beside = [each for each in report["agents"] if each["step"].value in BESIDE]
    parts = [paragraph(f"{show(_together(report['agents'], 'untouched'), As.COUNT)} agents of this report were not touched by the run.")]
    bad = [f"{show(each['agent'])}: {show(each['state'])}" for each in beside if each["verified"].value is not True]
    parts.append(bullets(bad) if bad else paragraph("All of them were seen well at the end." if beside else ""))
    parts += [_disturbed(facts), paragraph("What the run noted:") + bullets(map(show, report["notes"])) if report["notes"].value else ""]
    return section("bystanders", "Bystanders and contamination", *parts)


def _together(every: Fact, step: str) -> Fact:
    return every.count(step=step)


def _disturbed(facts: Facts) -> str:
    """Who was disturbed, unseen or without neighbours, by batch and metric; the judge's own lists."""
    root = facts.judgements
    if root is None:
        return paragraph("Contamination of windows was not measured: this run stored no judgements.", "none")
    rows = []
    for batch in root["batches"]:
        for metric in batch["metrics"]:
            lists = [metric["contaminated"], Fact([each["agent"] for each in metric["unseen"].value], ""), metric["uncontrolled"]]
            if any(each.value for each in lists):
                unseen = [each["agent"] for each in metric["unseen"]]
                rows.append(
                    [f"{show(metric['metric'])}: {listed(batch['treated'])}", *(listed(each) or "none" for each in (lists[0], unseen, lists[2]))]
                )
    if not rows:
        return paragraph("No window was contaminated, and every agent was seen beside enough neighbours.")
    columns = [Column("Metric and batch"), Column("Disturbed by something else"), Column("Not seen"), Column("Too few neighbours")]
    return folded("Agents that could not be judged undisturbed", table("Where a window says less than it should", columns, rows))


def rollback(facts: Facts, *, drawn: bool) -> str:
    """The clocks of a rollback against the plan's budget."""
    stored = facts.folder.report.rollback
    report = facts.report["rollback"]
    if stored is None:
        return section(
            "rollback",
            "Rollback against its budget",
            paragraph("Nothing was rolled back in this run; a rehearsal on the canary stands in the notes."),
        )
    left = [f"{show(_key(report['quarantined'], name))}: {show(report['quarantined'][name])}" for name in report["quarantined"].value]
    rows = [
        ["Restored and read back", show(report["seconds_to_restored"], As.SECONDS), show(report["restored"].count(), As.COUNT) + " agents"],
        ["Healthy and grossly normal", show(report["seconds_to_healthy"], As.SECONDS), show(report["baseline"])],
        ["Budget", show(report["budget_seconds"], As.SECONDS), ""],
    ]
    description = "Seconds until everything was restored and until it was healthy, beside the budget."
    shown = picture("rollback", "Clocks of the rollback", description, lambda figure, _: _draw(figure, stored)) if drawn else ""
    cause = paragraph(f"Cause: {show(report['cause'])}")
    quarantine = paragraph("In quarantine:") + bullets(left) if left else paragraph("Nobody is in quarantine.")
    columns = [Column("Clock"), Column("Seconds", True), Column("What")]
    return section("rollback", "Rollback against its budget", cause, shown, table("Clocks from the decision to roll back", columns, rows), quarantine)


def _key(mapping: Fact, name: str) -> Fact:
    return Fact(name, f"key({mapping[name].place})")


def _draw(figure: Figure, stored: RollbackReport) -> None:
    figure.set_figheight(1.1)
    axes = figure.subplots()
    clocks: Iterable[tuple[str, float | None]] = [("restored", stored.seconds_to_restored), ("healthy", stored.seconds_to_healthy)]
    for row, (_, seconds) in enumerate(clocks):
        if seconds is None:
            axes.annotate("not measured", (0, row), xytext=(4, 0), textcoords="offset points", va="center", color=INK, fontsize=7.5)
        else:
            axes.barh(row, seconds, height=0.55, color=ACCENT if seconds <= stored.budget_seconds else BAD)
    axes.axvline(stored.budget_seconds, color=BAD, linestyle=(0, (4, 2)), linewidth=1.0)
    axes.annotate("budget ", (stored.budget_seconds, 1.5), ha="right", va="center", color=BAD, fontsize=7.5)
    axes.set_yticks([0, 1], ["restored", "healthy"])
    axes.set_ylim(1.7, -0.6)
    axes.set_xlim(left=0, right=1.04 * max(stored.budget_seconds, stored.seconds_to_restored, stored.seconds_to_healthy or 0))
    axes.set_xlabel("seconds since the decision")
