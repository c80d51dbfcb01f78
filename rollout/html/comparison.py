"""Changed agents against their unchanged neighbours, metric by metric, from the samples that the judge was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rollout.html.canvas import ACCENT, CONTROL, INK, RULE, WARM, panels, picture
from rollout.html.facts import SAMPLES, Fact, Facts
from rollout.html.folder import ReportFolder
from rollout.html.tags import As, Column, paragraph, section, show, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def comparison(facts: Facts, *, drawn: bool) -> str:
    """Picture, and the levels before and after on both sides; the warm-up after the restart counts for neither."""
    folder = facts.folder
    names = _metrics(folder)
    if not names:
        return section("comparison", "Treated against control", paragraph("No samples of batches were kept by this run: not measured.", "none"))
    settle = settle_seconds(folder)
    rows = []
    for metric, counted in names.items():
        for side, treated in (("treated", True), ("control", False)):
            function = "mean" if counted else "median"
            before, after = (facts.samples(function, metric, treated=treated, since=since) for since in (None, settle or 0.0))
            rows.append(
                [
                    f"{_name(metric)}, {side}",
                    function,
                    show(before, As.NUMBER),
                    show(after, As.NUMBER),
                    _change(before, after, counted=counted),
                ]
            )
    columns = [Column("Metric, side"), Column("Statistic"), Column("Before", True), Column("After", True), Column("Change", True)]
    if settle is None:
        warm = "How long the warm-up was, this run did not store; nothing is shaded."
    else:
        interval = _interval_facts(facts)
        apart = f"{show(interval[0], As.COUNT)} samples after the act ({show(interval[1], As.NUMBER)} s apart)"
        warm = f"The first {apart} are warm-up, shaded, and count for neither side."
    told = paragraph(
        "All batches laid over each other at the moment of their verified activation. Each agent is shown relative to its own median before, "
        f"ratios of counts as they are. {warm} Levels are in the metric's own unit; what is judged is the difference of the two sides."
    )
    description = "For each metric the changed agents and their unchanged neighbours over time, before and after activation: " + ", ".join(names)
    shown = (
        picture(
            "comparison", "Treated and control around the activation", description, lambda figure, width: _draw(figure, width, folder, names, settle)
        )
        if drawn
        else ""
    )
    return section("comparison", "Treated against control", told, shown, table("Levels before and after", columns, rows))


def settle_seconds(folder: ReportFolder) -> float | None:
    """How long a process is young; None where the run did not store its policy."""
    policy = folder.judgements.policy if folder.judgements else None
    return policy.batches.settle * policy.batches.scrape_interval if policy else None


def _interval_facts(facts: Facts) -> tuple[Fact, Fact]:
    """Samples of warm-up and seconds between samples, from the stored policy."""
    root = facts.judgements
    if root is None:
        raise ValueError("a warm-up is known only from stored judgements")
    policy = root["policy"]["batches"]
    return policy["settle"], policy["scrape_interval"]


def _metrics(folder: ReportFolder) -> dict[str, bool]:
    """The metrics of the stored samples, and whether each is a ratio of counts."""
    frames = [frame for frame in folder.batches.values() if not frame.empty]
    if not frames:
        return {}
    everything = pd.concat(frames, ignore_index=True)
    return {str(name): bool(rows["weight"].notna().any()) for name, rows in everything.groupby("metric", sort=False)}


def _name(metric: str) -> str:
    """The metric's name as the samples have it."""
    return show(Fact(metric, f"key({SAMPLES}#metric/{metric})"))


def _change(before: Fact, after: Fact, *, counted: bool) -> str:
    if counted:
        return show(after - before, As.POINTS)
    ratio = (after - before) / before
    return show(ratio, As.PERCENT)


def _draw(figure: Figure, width: float, folder: ReportFolder, names: dict[str, bool], settle: float | None) -> None:
    """One panel per metric."""
    everything = pd.concat([frame.assign(batch=name) for name, frame in folder.batches.items() if not frame.empty], ignore_index=True)
    policy = folder.judgements.policy if folder.judgements else None
    step = policy.batches.scrape_interval if policy else 1.0
    drawn = panels(figure, width, len(names), [1.55] * len(names))
    for axes, (metric, counted) in zip(drawn, names.items(), strict=True):
        rows = everything[everything["metric"] == metric]
        _panel(axes, metric, _relative(rows, counted=counted), settle, step, counted=counted)
    handles, labels = drawn[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), fontsize=7.5, labelcolor=INK, handlelength=1.2, borderpad=0)


def _relative(rows: pd.DataFrame, *, counted: bool) -> pd.DataFrame:
    """Each agent in each batch as a multiple of its own median before; ratios of counts in points."""
    if counted:
        return rows.assign(shown=100.0 * rows["value"])
    before = rows[rows["t"] < 0].groupby(["batch", "agent"])["value"].median().rename("before").reset_index()
    joined = rows.merge(before, on=["batch", "agent"], how="left")
    return joined.assign(shown=joined["value"] / joined["before"].where(joined["before"] > 0))


def _panel(axes: Axes, metric: str, rows: pd.DataFrame, settle: float | None, step: float, *, counted: bool) -> None:
    if settle is not None:
        axes.axvspan(0, settle, color=WARM, linewidth=0, label="warm-up")
    axes.axvline(0, color=RULE, linewidth=0.8)
    for treated, colour, label in ((False, CONTROL, "control"), (True, ACCENT, "treated")):
        side = rows[rows["treated"] == treated]
        grouped = side.groupby((side["t"] / step).round() * step)["shown"]
        line = grouped.mean() if counted else grouped.median()
        axes.plot(line.index.to_numpy(), line.to_numpy(), color=colour, label=label, linewidth=1.2)
    axes.set_title(f"{metric} ({'points' if counted else 'own median before = 1'})")
    axes.set_xlabel("seconds from verified activation")
    axes.margins(x=0)
