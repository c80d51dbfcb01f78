"""What the change did: effects with their bounds against the limits, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.html.canvas import ACCENT, BAD, INK, MUTED, RULE, panels, picture
from rollout.html.facts import Fact, Facts, Statistic
from rollout.html.tags import As, Column, chip, folded, paragraph, section, show, table
from rollout.judge.judgement import MetricJudgement
from rollout.judge.policy import MetricForm
from rollout.ledger import Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OPEN = 12
"""Lines up to which the table is not folded away."""
NOTHING = "No batch was judged on its impact in this run: not measured."


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of the forest. estimate, lower, upper: facts on the judge's shown scale; like: a judgement that knows form and unit."""

    name: Fact
    batch: Fact | None
    estimate: Fact
    lower: Fact
    upper: Fact
    bound: Fact
    verdict: Fact
    like: MetricJudgement
    pooled: bool

    @property
    def label(self) -> str:
        """What stands beside it in the picture."""
        return "day, pooled" if self.pooled else f"batch {self.batch.value}" if self.batch else "batch"

    @property
    def known(self) -> bool:
        """Whether anything could be estimated."""
        return self.estimate.value is not None

    @property
    def written(self) -> As:
        """How its numbers are written."""
        if self.like.counted:
            return As.POINTS
        return As.AMOUNT if self.like.form is MetricForm.ABSOLUTE else As.PERCENT

    @property
    def limit(self) -> As:
        """How its limit is written: without a sign."""
        return {As.POINTS: As.LIMIT, As.AMOUNT: As.NUMBER, As.PERCENT: As.SHARE}[self.written]

    @property
    def unit(self) -> str:
        """What stands behind its numbers, besides what the way of writing says."""
        if self.like.counted or self.like.form is MetricForm.RELATIVE:
            return ""
        return self.like.unit if self.like.form is MetricForm.ABSOLUTE else "of a machine"

    @property
    def factor(self) -> float:
        """From the shown scale to that of an axis."""
        return 1.0 if self.written is As.AMOUNT else 100.0


def effects_of(facts: Facts) -> dict[str, list[Effect]]:
    """Batch by batch, then the pooled day, by metric; empty without judgements."""
    stored, root = facts.folder.judgements, facts.judgements
    if stored is None or root is None:
        return {}
    numbers = {batch["index"].value: batch["index"] for batch in facts.report["batches"]}
    found: dict[str, list[Effect]] = {}
    likes: dict[str, MetricJudgement] = {}
    for index, judgement in sorted(stored.batches.items()):
        metrics = root["batches"][str(index)]["metrics"]
        for like, metric in zip(judgement.metrics, metrics, strict=True):
            if like.applicable:
                likes.setdefault(like.metric, like)
                found.setdefault(like.metric, []).append(_effect(numbers.get(index), metric["figures"], metric, like, pooled=False))
    if stored.day is not None:
        for pooled in root["day"]["metrics"]:
            if pooled["metric"].value in likes:
                like = likes[pooled["metric"].value]
                found[like.metric].append(_effect(None, pooled, pooled, like, pooled=True))
    return found


def _effect(batch: Fact | None, figures: Fact, metric: Fact, like: MetricJudgement, *, pooled: bool) -> Effect:
    known = figures.value is not None
    estimate, lower, upper = (figures[key] if known else Fact(None, figures.place) for key in ("estimate", "lower", "upper"))
    return Effect(metric["metric"], batch, estimate, lower, upper, metric["bound"], metric["verdict"], like, pooled)


def forest(facts: Facts, *, drawn: bool) -> str:
    """Every estimate with its one-sided bounds against its limit."""
    effects = effects_of(facts)
    if not effects:
        return section("effects", "Effects against their limits", paragraph(NOTHING, "none"))
    rows = [
        [
            f"{show(line.name)}, {_label(line)}",
            f"{show(line.estimate, line.written)} {line.unit}".strip(),
            show(line.lower, line.written),
            show(line.upper, line.written),
            f"{show(line.bound, line.limit)} {line.unit}".strip(),
            chip(line.verdict),
        ]
        for lines in effects.values()
        for line in lines
    ]
    columns = [Column("Metric"), Column("Estimate", True), Column("Lower", True), Column("Upper", True), Column("Limit", True), Column("Verdict")]
    description = "For each metric the estimate of every batch and of the pooled day, with its lower and upper bound, beside the limit: " + ", ".join(
        effects
    )
    shown = (
        picture("forest", "Effects beyond the neighbours, with bounds", description, lambda figure, width: _draw(figure, width, effects))
        if drawn
        else ""
    )
    told = paragraph(
        "An effect is what the changed agents did beyond their unchanged neighbours on the same machine. Bounds are one-sided. "
        "Harmless is proven where the upper bound lies below the limit; a batch is often too small for that, the pooled day need not be."
    )
    numbers = table("Effects, bounds and limits", columns, rows)
    return section(
        "effects", "Effects against their limits", told, shown, folded("The numbers of the figure", numbers) if len(rows) > OPEN else numbers
    )


def _label(line: Effect) -> str:
    """The batch by its number in the report, or the pooled day."""
    if line.pooled:
        return "<strong>day, pooled</strong>"
    return f"batch {show(line.batch, As.COUNT)}" if line.batch else "a batch that the report does not have"


def _draw(figure: Figure, width: float, effects: dict[str, list[Effect]]) -> None:
    """One panel per metric, one line per batch, the day below them."""
    heights = [0.62 + 0.155 * len(lines) for lines in effects.values()]
    for axes, (metric, lines) in zip(panels(figure, width, len(effects), heights), effects.items(), strict=True):
        _panel(axes, metric, lines)


def _panel(axes: Axes, metric: str, lines: list[Effect]) -> None:
    factor, last = lines[0].factor, len(lines) - 1
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)
    for limit in {line.bound.value for line in lines}:
        axes.axvline(limit * factor, color=BAD, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
    for row, line in enumerate(lines):
        colour = INK if line.pooled else ACCENT
        if not line.known:
            axes.annotate("not measured", (0, row), color=MUTED, fontsize=7, va="center", xytext=(3, 0), textcoords="offset points")
            continue
        axes.plot([line.lower.value * factor, line.upper.value * factor], [row, row], color=colour, linewidth=2.0 if line.pooled else 1.2)
        axes.plot(line.estimate.value * factor, row, marker="D" if line.pooled else "o", color=colour, markersize=4.5 if line.pooled else 3.5)
    axes.set_ylim(last + 0.7, -0.7)
    axes.set_yticks(range(len(lines)), [line.label for line in lines], fontsize=7)
    shadow = ", no vote" if lines[0].like.shadow else ""
    scale = {As.PERCENT: "%", As.POINTS: "points", As.AMOUNT: ""}[lines[0].written]
    axes.set_title(f"{metric} ({' '.join(part for part in (scale, lines[0].unit) if part)}{shadow})")
    axes.tick_params(axis="y", length=0)


def cost(facts: Facts) -> str:
    """What the change takes for good, and what it took to bring it there."""
    report = facts.report
    agents = report["agents"]
    rows = [
        ["Agents changed and verified at the end", show(agents.count(step=Step.VERIFIED.value, verified=True), As.COUNT)],
        ["Acts on agents that were read back as changed", show(facts.entries(Step.VERIFIED), As.COUNT)],
        ["Acts on agents that were read back as before", show(facts.entries(Step.RESTORED), As.COUNT)],
        ["An agent from act to read-back, median", show(agents.over(Statistic.MEDIAN, "away_seconds"), As.SECONDS)],
        ["An agent from act to read-back, longest", show(agents.over(Statistic.MAX, "away_seconds"), As.SECONDS)],
    ]
    for lines in effects_of(facts).values():
        last = lines[-1]
        if last.pooled:
            value = f"{show(last.estimate, last.written)} {last.unit}, at most {show(last.upper, last.written)} {last.unit}"
            rows.append([f"{show(last.name)}, pooled over the day", value])
    told = paragraph("Time from act to read-back is an upper bound of the time that an agent was away: it ends when the last witness has agreed.")
    return section("cost", "Cost of the change", told, table("What it took and what it takes", [Column("What"), Column("Amount", True)], rows))
