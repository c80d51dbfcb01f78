"""Which agents failed while a day changed them (plan.md line 102); counted at every end, good or bad."""

from __future__ import annotations

from flows.day_run import DayRun
from rollout.verdict import Evidence, Finding, Verdict
from rollout.week_rules import LASTING


def count_failures(run: DayRun) -> None:
    """Agents that were attempted and never verified, or failed a gate, whatever became of them later. Nothing attempted is not measured."""
    later = [finding for gate in LASTING for finding in run.record.findings.get(gate, ())]
    after = {agent for finding in later if finding.verdict is Verdict.FAIL for agent in finding.agents}
    baked = {agent for batch in run.record.batches for check in batch.checks if check.verdict == "FAIL" for agent in check.agents}
    failed = sorted(baked | after | run.failed())
    attempted = len(run.touched) + len(run.found)
    if attempted == 0:
        return
    verdict = Verdict.FAIL if failed else Verdict.PASS if attempted == len(run.agents) else Verdict.INCONCLUSIVE
    now = run.site.clock.now()
    evidence = Evidence(
        "ledger, supervisor, probe",
        "agents that never failed a gate, of all attempted or found as wanted",
        run.record.started,
        now,
        attempted,
    )
    sentence = f"{len(failed)} of {attempted} attempted agents failed, {len(run.agents)} were to be changed" + (
        f": {', '.join(failed)}" if failed else ""
    )
    run.keep("failures", [Finding("failures", verdict, f"{len(failed)} of {attempted}", "0", sentence, evidence, tuple(failed))])
