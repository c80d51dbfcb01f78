"""What can be said of a level before any expectation looks at it: whether the generator kept up, and why the level ended."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.load.measured import Ending, Measured
from rollout.plan.load import GeneratorLimits, LoadLevel
from rollout.verdict import Evidence, Finding, Verdict, worst

BROKEN = frozenset({Ending.ERRORS, Ending.LATENCY, Ending.RESTART})
"""Endings that speak of the agents; the others leave the level unmeasured."""


def level_evidence(measured: Measured) -> Evidence:
    """The callers' side: as many samples as requests were sent."""
    query = f"GET at {measured.scheduled / measured.seconds:.4g}/s in all, open loop, from the scheduled moment"
    return Evidence("load generator", query, measured.began, max(measured.ended, measured.began), measured.sent)


def generator_finding(measured: Measured, limits: GeneratorLimits) -> Finding:
    """A level whose generator fell behind was not measured, whatever it saw."""
    lag = measured.lag_p99
    # a level that was ended early was kept up as far as it went; how it ended is told by ending_finding
    early = measured.ending is not Ending.FINISHED
    kept = lag is not None and (lag <= limits.max_lag if early else measured.kept_up(limits))
    late = "nothing was sent" if lag is None else f"99 % of the requests left within {1000 * lag:.3g} ms of their moment"
    return Finding(
        "load.generator",
        Verdict.PASS if kept else Verdict.ERROR,
        f"{measured.sent} of {measured.scheduled} sent",
        f">= {limits.min_achieved:.4g} of them, within {1000 * limits.max_lag:g} ms",
        f"The generator {'kept up' if kept else 'fell behind'}: {measured.sent} of {measured.scheduled} scheduled requests were sent, {late}",
        level_evidence(measured),
    )


def ending_finding(measured: Measured, agents: Sequence[str] = ()) -> Finding:
    """Whether the level ran to its end. agents: those that ended it."""
    finished = measured.ending is Ending.FINISHED
    verdict = Verdict.PASS if finished and measured.sent else Verdict.FAIL if measured.ending in BROKEN else Verdict.ERROR
    why = f"{measured.ending.value}{f': {measured.reason}' if measured.reason else ''}"
    sentence = f"The level ended because {why}" + ("" if finished else f", after {measured.ended - measured.began:.0f} of {measured.seconds:.0f} s")
    return Finding("load.ending", verdict, measured.ending.value, Ending.FINISHED.value, sentence, level_evidence(measured), tuple(agents))


def levels_finding(
    required: Sequence[LoadLevel], findings: Sequence[Finding], held: Sequence[LoadLevel], broke: str, evidence: Evidence, scale: float
) -> Finding:
    """The test in one sentence.

    findings: all of the required levels that ran; held: levels that held, from the first; broke: what ended the climb.
    """
    reached = min(len(held), len(required))
    verdict = worst(findings) if reached < len(required) else Verdict.PASS
    highest = f"{held[-1].name}, {held[-1].rate * scale:g} requests/s to each agent" if held else "none"
    sentence = f"{reached} of {len(required)} levels that have to hold held; the highest that held all criteria: {highest}"
    blamed = tuple(sorted({agent for finding in findings if finding.verdict is Verdict.FAIL for agent in finding.agents}))
    return Finding(
        "load.levels",
        max(verdict, Verdict.INCONCLUSIVE) if reached < len(required) else verdict,
        f"{reached} of {len(required)}, up to {highest}",
        f"{len(required)}, up to {required[-1].name}",
        f"{sentence}. {broke}" if broke else sentence,
        evidence,
        blamed,
    )


def lasted_finding(stop_reason: str, agents: Sequence[str], evidence: Evidence) -> Finding:
    """Whether every agent kept its process from the first request to the last look. agents: those that did not."""
    verdict = Verdict.FAIL if agents else Verdict.ERROR if stop_reason else Verdict.PASS
    sentence = "No agent restarted through the test" + (f": not so, {stop_reason}" if stop_reason else "")
    return Finding(
        "load.lasted", verdict, f"{evidence.samples - len(agents)} of {evidence.samples}", "all, 0 restarts", sentence, evidence, tuple(agents)
    )
