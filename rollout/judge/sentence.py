"""Says what was found so that a person understands it: the estimate, its bounds, the neighbours, and what is not proven."""

from __future__ import annotations

import math
from collections import Counter

from rollout.judge.judgement import Figures, MetricJudgement
from rollout.judge.policy import MetricForm
from rollout.judge.presence import AgentPresence
from rollout.verdict import Verdict

SHOWN_NAMES = 5
NOTHING_MOVED = 1e-12  # below this a bound is zero with rounding errors


def sentence(judgement: MetricJudgement) -> str:
    """One sentence on one metric of one batch (design, Verdicts: "not proven < 2 %, proven < x %")."""
    if not judgement.applicable:
        return f"{judgement.metric}: not applicable to any agent of the batch."
    parts = [_measured(judgement, judgement.figures) if judgement.figures else _nothing(judgement)]
    if judgement.suspects and judgement.verdict is not Verdict.FAIL:
        parts.append(f"suspects: {names(judgement.suspects)}")
    if judgement.unseen:
        parts.append(_unseen(judgement.unseen))
    if judgement.uncontrolled:
        parts.append(f"without enough neighbours on the machine: {names(judgement.uncontrolled)}")
    if judgement.contaminated:
        parts.append(f"something else changed in the window of {names(judgement.contaminated)}")
    if judgement.figures and not judgement.restart_known:
        parts.append("restart and change cannot be told apart")
    shadow = " (shadow, no vote)" if judgement.shadow else ""
    return f"{judgement.metric}{shadow}: " + "; ".join(parts) + "."


def _measured(judgement: MetricJudgement, figures: Figures) -> str:
    """Estimate, bounds, neighbours and what they prove."""
    low, high = amount(figures.lower, judgement), amount(figures.upper, judgement)
    relative = "" if figures.relative is None or judgement.form is MetricForm.RELATIVE else f" ({100 * figures.relative:+.1f} % relative)"
    neighbours = f"{100 * figures.neighbours:+.2f} points" if judgement.counted else f"{100 * figures.neighbours:+.1f} %"
    found = f"{amount(figures.estimate, judgement)}{relative} [{low}, {high}] beyond the neighbours on {_agents(judgement.agents)}"
    return f"{found}; {judgement.controls} neighbours moved {neighbours}; {_conclusion(judgement, figures)}"


def _conclusion(judgement: MetricJudgement, figures: Figures) -> str:
    """What follows: worse and by whom, proven, or not proven and how far."""
    bound = amount(judgement.bound, judgement, signed=False)
    if judgement.verdict is Verdict.FAIL:
        return f"worse than {bound}: {names(judgement.guilty) if judgement.guilty else 'the batch as a whole'}"
    if judgement.verdict is Verdict.PASS:
        return f"proven < {bound}"
    if figures.upper < judgement.bound:
        return f"not proven < {bound}: the interval lies below it, but {_doubt(judgement)}"
    return f"not proven < {bound}, proven < {amount(_ceiling(figures.upper), judgement, signed=False)}"


def _doubt(judgement: MetricJudgement) -> str:
    """Why an interval below the bound is no proof (design, Verdicts: every agent seen, no suspect, no canary)."""
    if judgement.unseen or judgement.uncontrolled:
        return "not every agent was judged"
    if judgement.contaminated:
        return "something else changed meanwhile"
    if judgement.suspects:
        return "an agent is suspect"
    return f"{_agents(judgement.agents)} cannot prove it"


def _agents(count: int) -> str:
    return "1 agent" if count == 1 else f"{count} agents"


def _ceiling(upper: float) -> float:
    """The bound rounded up to two digits, so that what is printed is still proven."""
    step = 10.0 ** (math.floor(math.log10(max(abs(upper), NOTHING_MOVED))) - 1)
    return math.ceil(upper / step) * step


def amount(value: float, judgement: MetricJudgement, *, signed: bool = True) -> str:
    """A value on the shown scale with its unit: +0.4 %, +5.2 MiB, +0.12 points."""
    sign = "+" if signed else ""
    if judgement.counted:
        return f"{100 * value:{sign}.2f} points"
    if judgement.form is MetricForm.ABSOLUTE:
        return f"{value:{sign}.3g} {judgement.unit}".rstrip()
    return f"{100 * value:{sign}.1f} %" + (" of a machine" if judgement.form is MetricForm.SHARE_OF_MACHINE else "")


def names(agents: tuple[str, ...]) -> str:
    """The first agents by name, the rest by number."""
    more = len(agents) - SHOWN_NAMES
    return ", ".join(agents[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _nothing(judgement: MetricJudgement) -> str:
    """What is said where nothing can be estimated."""
    return (
        "no data from any agent, the source is in doubt, not proven" if judgement.verdict is Verdict.ERROR else "no agent can be compared, not proven"
    )


def _unseen(unseen: tuple[AgentPresence, ...]) -> str:
    """How many agents were not seen and what became of their metric."""
    counted = sorted(Counter(one.presence for one in unseen).items(), key=lambda item: item[0].name)
    causes = ", ".join(f"{count}: the metric {presence.value}" for presence, count in counted)
    return f"{_agents(len(unseen))} not seen ({causes}): {names(tuple(one.agent for one in unseen))}"
