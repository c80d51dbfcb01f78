"""One metric of one batch at one look: verdict, leave to proceed, figures and the words for them."""

from __future__ import annotations

import numpy as np

from rollout.judge.changes import is_short
from rollout.judge.judgement import AgentEstimate, Figures, MetricJudgement
from rollout.judge.policy import MetricForm
from rollout.judge.testing import CONFIDENCE, Case, Tests, run_tests
from rollout.verdict import Verdict


def judge_metric(case: Case, *, restart_known: bool) -> MetricJudgement:
    """Judges one metric (design, Per metric and Verdicts).

    Of the unseen it only says which they are; what became of them, and the sentence, are added by the caller, who has the frame.
    """
    standings, metric = case.standings, case.metric
    tests = run_tests(case) if len(standings.agents) else None
    verdict = _verdict(case, tests) if tests else _verdict_of_nothing(case)
    names = case.panel.agents[standings.agents]
    return MetricJudgement(
        metric=metric.name,
        form=metric.form,
        unit=metric.unit,
        counted=case.changes.counted,
        shadow=metric.shadow,
        verdict=verdict,
        proceed=_proceeds(case, tests, verdict) if tests else not standings.asked,
        bound=_shown(float(tests.scale.bound.mean()), case) if tests else metric.bound,
        proceed_bound=_shown(float(tests.scale.proceed_bound.mean()), case) if tests else metric.proceed_bound,
        figures=_figures(case, tests) if tests else None,
        agents=len(names),
        controls=int(standings.controls.sum()),
        guilty=tuple(names[tests.guilty]) if tests else (),
        suspects=tuple(names[tests.suspects]) if tests else (),
        unseen=standings.unseen,
        uncontrolled=standings.uncontrolled,
        contaminated=standings.contaminated,
        singles=_singles(case, tests) if tests else (),
        restart_known=restart_known,
        sentence="",
    )


def _verdict(case: Case, tests: Tests) -> Verdict:
    """FAIL, PASS or INCONCLUSIVE (design, Verdicts)."""
    if tests.as_group or tests.guilty.any():
        return Verdict.FAIL
    clear = case.look.last and case.is_group and _complete(case) and not tests.suspects.any()
    return Verdict.PASS if clear and tests.group.upper(CONFIDENCE) < float(tests.scale.bound.mean()) else Verdict.INCONCLUSIVE


def _verdict_of_nothing(case: Case) -> Verdict:
    """ERROR if not even the neighbours have data, for then the source is in doubt and not the batch; never PASS."""
    return Verdict.ERROR if case.standings.blind and case.standings.asked else Verdict.INCONCLUSIVE


def _complete(case: Case) -> bool:
    """Whether every agent was seen beside its neighbours, undisturbed or with the bake extended."""
    standings = case.standings
    return not standings.unseen and not standings.uncontrolled and (case.look.extended or not standings.contaminated)


def _proceeds(case: Case, tests: Tests, verdict: Verdict) -> bool:
    """Whether the rollout may go on although the bound is not proven (design, Verdicts and items 7 and 8)."""
    if verdict is Verdict.FAIL or not case.look.last or not _complete(case):
        return False
    if not case.is_group:
        return not tests.gross
    alarming = tests.suspects & (tests.scale.effect > tests.scale.proceed_bound) if is_short(case.look.samples) else tests.suspects
    if alarming.any() and not case.look.extended:
        return False
    return tests.group.upper(CONFIDENCE) < max(float(tests.scale.proceed_bound.mean()), tests.group.detectable(tests.last_level))


def _figures(case: Case, tests: Tests) -> Figures:
    """The batch's estimate with its bounds as people read it."""
    group, at = tests.group, case.panel.machine_of[case.standings.agents]
    return Figures(
        estimate=_shown(group.effect, case),
        lower=_shown(group.lower(CONFIDENCE), case),
        upper=_shown(group.upper(CONFIDENCE), case),
        alarm=_shown(group.lower(tests.level), case),
        detectable=_shown(group.detectable(tests.last_level), case),
        relative=None if case.changes.counted else float(np.expm1(tests.scale.excess.mean())),
        neighbours=_plain(float(case.neighbours.centre[at].mean()), counted=case.changes.counted),
        effect=group.effect,
        se=group.se,
        df=group.df,
    )


def _singles(case: Case, tests: Tests) -> tuple[AgentEstimate, ...]:
    """Every judged agent's own estimate."""
    names = case.panel.agents[case.standings.agents]
    relative = case.metric.form is MetricForm.RELATIVE and not case.changes.counted
    shown = np.expm1(tests.scale.effect) if relative else tests.scale.effect
    return tuple(AgentEstimate(name, value, q) for name, value, q in zip(names, shown.tolist(), tests.singles.q.tolist(), strict=True))


def _shown(effect: float, case: Case) -> float:
    """A value on the scale of pooling as people read it: the relative form leaves the logarithm."""
    return _plain(effect, counted=case.changes.counted) if case.metric.form is MetricForm.RELATIVE else effect


def _plain(change: float, *, counted: bool) -> float:
    """A log ratio as a fraction; a difference of ratios as it is."""
    return change if counted else float(np.expm1(change))
