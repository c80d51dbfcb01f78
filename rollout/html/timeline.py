"""The batches as a timeline: activation, bake, holds, and what people said meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.html.canvas import ACCENT, BAD, CONTROL, INK, MUTED, RULE, SOFT, WIDE, picture
from rollout.html.facts import Facts
from rollout.html.folder import ReportFolder
from rollout.html.tags import As, Column, folded, listed, paragraph, section, show, table
from rollout.ledger import Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MINUTES_FROM = 600.0
"""Seconds from which an axis counts minutes."""


def batches(facts: Facts, *, drawn: bool) -> str:
    """Picture and table; what did not pass stands beside its batch."""
    report = facts.report
    if not report["batches"].value:
        return section("batches", "Batches", paragraph("No batch was begun in this run."))
    rows = []
    for batch in report["batches"]:
        bad = [f"{show(check['check'])}: {show(check['sentence'])}" for check in batch["checks"] if check["verdict"].value != "PASS"]
        passed = f"{show(batch['checks'].count(verdict='PASS'), As.COUNT)} of {show(batch['checks'].count(), As.COUNT)} checks passed"
        kind = ", canary" if batch["canary"].value else ""
        rows.append(
            [
                f"{show(batch['index'], As.COUNT)}{kind}",
                show(batch["agents"].count(), As.COUNT),
                show(batch["began"], As.CLOCK),
                show(batch["verified"] - batch["began"], As.SECONDS),
                show(batch["ended"] - batch["verified"], As.SECONDS),
                show(batch["extensions"], As.COUNT),
                show(batch["decision"]),
                passed
                + (folded("What did not pass", f"<p>{'<br>'.join(bad)}</p>") if bad else "")
                + folded("Agents", f"<p>{listed(batch['agents'])}</p>"),
            ]
        )
    columns = [
        Column("Batch"), Column("Agents", True), Column("Began, UTC", True), Column("To verified", True), Column("Bake", True),
        Column("Extensions", True), Column("Decision"), Column("Checks"),
    ]  # fmt: skip
    folder = facts.folder
    description = f"One bar per batch from its first act to its decision; {len(folder.report.batches)} batches, {len(_holds(folder))} holds."
    shown = picture("timeline", "Batches in time", description, lambda figure, width: _draw(figure, width, folder)) if drawn else ""
    held = facts.entries(Step.HELD)
    holds = paragraph(
        f"Held for a person: {show(held, As.COUNT)} times." if held.value is not None else "Holds were not measured: the folder has no ledger."
    )
    return section("batches", "Batches", shown, holds, table("Batches, with what was decided on each", columns, rows))


def _holds(folder: ReportFolder) -> list[float]:
    """When the run was held, in Unix seconds."""
    return [entry.at for entry in folder.ledger if entry.step is Step.HELD]


def _draw(figure: Figure, width: float, folder: ReportFolder) -> None:
    """One row per batch, downwards; steps of the plan above."""
    report = folder.report
    unit, name = (60.0, "minutes") if report.ended - report.started >= MINUTES_FROM else (1.0, "seconds")
    figure.set_figheight(0.75 + 0.17 * len(report.batches))
    axes = figure.subplots()

    def at(moment: float) -> float:
        return (moment - report.started) / unit

    for batch in report.batches:
        axes.barh(batch.index, at(batch.verified) - at(batch.began), left=at(batch.began), height=0.62, color=ACCENT)
        axes.barh(batch.index, at(batch.ended) - at(batch.verified), left=at(batch.verified), height=0.62, color=SOFT)
    for step in report.steps:
        axes.axvline(at(step.began), color=RULE, linewidth=0.8, zorder=0)
        if width == WIDE and step.ended - step.began > 0.12 * (report.ended - report.started):
            axes.annotate(
                _short(step.title),
                (at(step.began), 1),
                xycoords=("data", "axes fraction"),
                xytext=(2, 3),
                textcoords="offset points",
                color=MUTED,
                fontsize=7,
            )
    for moment in _holds(folder):
        axes.axvline(at(moment), color=BAD, linewidth=1.2, linestyle=(0, (3, 2)))
    for person in report.people:
        if report.started <= person.at <= report.ended:
            axes.plot(at(person.at), report.batches[-1].index + 0.7, marker="^", color=CONTROL, markersize=5, clip_on=False)
    axes.set_ylim(report.batches[-1].index + 0.8, report.batches[0].index - 0.8)
    axes.set_yticks([batch.index for batch in report.batches])
    axes.set_xlim(0, at(report.ended))
    axes.set_ylabel("batch")
    axes.set_xlabel(f"{name} since the run began")
    _legend(figure, bool(_holds(folder)), bool(report.people))


def _legend(figure: Figure, held: bool, spoken: bool) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 (as in canvas)
    from matplotlib.patches import Patch  # noqa: PLC0415

    shown: list[Patch | Line2D] = [Patch(color=ACCENT, label="activation, to verified"), Patch(color=SOFT, label="bake")]
    if held:
        shown.append(Line2D([], [], color=BAD, linestyle=(0, (3, 2)), label="held"))
    if spoken:
        shown.append(Line2D([], [], color=CONTROL, marker="^", linestyle="none", label="a person's word"))
    figure.legend(handles=shown, loc="outside lower left", ncols=len(shown), fontsize=7.5, labelcolor=INK, handlelength=1.2, borderpad=0)


def _short(title: str) -> str:
    return title if len(title) <= 28 else title[:27].rstrip() + "…"
