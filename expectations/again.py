"""Judges again what a run's gates were given, from its report's folder alone: does each find what the report says that it found?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from expectations.gate import validate
from rollout.errors import InputError
from rollout.gate_file import GATES, GateRecord, about, read_gates
from rollout.report import CheckReport, DayReport
from rollout.verdict import Evidence
from rollout.verification import Claim


def judge_again(folder: Path, report: DayReport) -> Iterator[Claim]:
    """One claim for each stored judgement, and one for each check of the report that a stored judgement has made."""
    if GATES not in report.evidence:
        if (folder / GATES).exists():
            yield Claim(GATES, "is in the folder, and the report does not vouch for it")
        return
    try:
        records = list(read_gates(folder))
    except InputError as error:
        yield Claim(GATES, str(error))
        return
    yield from (_judged(record) for record in records)
    told = {
        (check, verdict, words)
        for record in records
        for check, (verdict, sentence) in record.found.items()
        for words in (sentence, about(record.what, sentence))
    }
    known = {check for check, _, _ in told}
    checks = (*report.checks, *(check for batch in report.batches for check in batch.checks))
    yield from (_reported(check, told) for check in checks if check.check in known)


def _judged(record: GateRecord) -> Claim:
    """The same verdict for every check. The sentence is compared too: it names the agents and the figures."""
    evidence = Evidence("", "", 0.0, 0.0, record.samples)
    findings = validate(record.suite, record.frame, record.bounds, evidence, agents=record.agents, metrics=record.metrics)
    anew = {finding.check: (finding.verdict.name, finding.sentence) for finding in findings}
    changed = [check for check in {**record.found, **anew} if record.found.get(check) != anew.get(check)]
    wrong = [f"{check} is {anew.get(check, ('not judged', ''))[0]}, not {record.found.get(check, ('not judged', ''))[0]}" for check in changed]
    return Claim(f"gate {record.suite}, {record.what}", f"judged again: {'; '.join(wrong)}" if wrong else "")


def _reported(check: CheckReport, told: set[tuple[str, str, str]]) -> Claim:
    fine = (check.check, check.verdict, check.sentence) in told
    return Claim(f"check {check.check}", "" if fine else f"no gate of this run found {check.verdict} with these words")
