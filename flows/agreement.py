"""Days that are judged by two hubs: before anything, and before each look, both must tell the same (issue 5, section 4)."""

from __future__ import annotations

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.errors import SourceFault
from rollout.observe.agreement import OUTSIDE
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.pair import compare_sources

GATE = "hub_agreement"


def agree(run: DayRun, what: str) -> tuple[Finding, ...]:
    """Nothing with a single hub, nor on a day whose plan does not ask. Of two, both fresh must agree; a dead one is passed over, and told.

    Sources that disagree are no data: they are asked again within the plan's budget. Raises Held after it.
    """
    pair = run.site.paired
    if pair is None or GATE not in {gate.name for gate in run.day.gates}:
        return ()
    bounds, agents = run.gate(GATE).bounds, [agent.id for agent in run.agents]
    seconds = bounds["window_seconds"]

    def compared() -> tuple[Finding, ...]:
        end = run.site.clock.now() - bounds["margin_seconds"]
        agreement = compare_sources(run.site, pair, agents, end, seconds, what)
        source = ", ".join(agreement.sources)
        if agreement.frame is None:
            run.record.unknowns.append(f"whether the hubs agree {what}: {source} alone had fresh samples and was believed")
            return ()
        evidence = Evidence(source, f"raw samples of jobs {OUTSIDE} at each hub", end - seconds, end, int(agreement.frame["samples"].sum()))
        findings = run.judge(run.gate(GATE).suite, agreement.frame, bounds, evidence, agents, (), what)
        if worst(findings) is not Verdict.PASS:
            raise SourceFault(f"{source} disagree: " + next(finding.sentence for finding in findings if finding.verdict is not Verdict.PASS))
        return findings

    return patiently(run, compared)


def agree_before(run: DayRun) -> None:
    """The same before a day's first batch."""
    if findings := agree(run, "before the first batch"):
        run.keep(GATE, findings)
