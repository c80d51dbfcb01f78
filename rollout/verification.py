"""Checks a report's folder against itself, wherever it was copied to: needs neither network nor the site that it was made at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rollout.clock import SystemClock
from rollout.errors import InputError
from rollout.evidence import LEDGER, digest
from rollout.html import ReportFolder, render_page
from rollout.judge_findings import batch_findings, day_findings, day_shadows
from rollout.judgement_file import JUDGEMENTS
from rollout.ledger import Ledger, Step
from rollout.markdown import render
from rollout.replay import replay
from rollout.report import CheckReport, CriterionReport, DayReport, Outcome
from rollout.report_entries import check_report, criterion_report
from rollout.report_file import HTML, MARKDOWN
from rollout.telling import answers, complete_sentence
from rollout.verdict import Evidence, Finding, Verdict

SHOWN = re.compile(r'data-from="([^"]*)" data-as="[^"]*">([^<]*)<')
"""A number or text of the page with its place."""
JUDGED = ("impact", "shadow")
"""Gates whose findings are the judge's."""
ANYWHERE = Evidence("", "", 0.0, 0.0, 1)
"""Source and window do not matter where findings are compared by what they say."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that a report says. objection: why it does not hold; empty where it does."""

    what: str
    objection: str


def verify(path: Path) -> Iterator[Claim]:
    """Every claim that can be checked again, in the order of the report. Raises InputError where the folder holds no report."""
    folder = ReportFolder.read(path)
    report = folder.report
    yield from _files(path, report)
    yield from _ledger(path, report)
    try:
        yield from _judgements(folder)
    except InputError as error:
        yield Claim("what the judge said", str(error))
    yield from (_criterion(report, each) for each in report.criteria if each.measured_by)
    yield from _outcome(report)
    yield from _times(report)
    yield from _pages(folder)


def _files(path: Path, report: DayReport) -> Iterator[Claim]:
    """Each file is there and is the one that was hashed; none came later."""
    for name, written in report.evidence.items():
        file = path / name
        if not file.is_file():
            yield Claim(name, "is not in the folder")
        else:
            yield Claim(name, "" if digest(file) == written else "is not the file that the report was made with: its SHA-256 differs")
    present = [f"samples/{file.name}" for file in sorted((path / "samples").glob("*"))]
    for name in present:
        if name not in report.evidence:
            yield Claim(name, "is in the folder, and the report does not vouch for it")


def _ledger(path: Path, report: DayReport) -> Iterator[Claim]:
    """Steps, batches, times and decisions are those of the ledger."""
    touched = report.rollback or report.batches or any(agent.step != "untouched" for agent in report.agents)
    if LEDGER not in report.evidence:
        yield Claim(LEDGER, "the report says that agents were touched and has no ledger to show for it" if touched else "")
        return
    try:
        ledger = Ledger(path / LEDGER, SystemClock())
    except InputError as error:
        yield Claim(LEDGER, str(error))
        return
    steps, batches, away = ledger.last_steps(), ledger.batches(), ledger.away_seconds()
    for agent in report.agents:
        step = steps[agent.agent].value if agent.agent in steps else "untouched"
        told = (agent.step, agent.batch, agent.away_seconds)
        seen = (step, batches.get(agent.agent, 0), away.get(agent.agent))
        yield Claim(f"agent {agent.agent}", "" if told == seen else f"step, batch and time away are {told} in the report, {seen} by the ledger")
    decided = [entry.facts["report"] for entry in ledger.entries if entry.step is Step.DECIDED]
    for batch in report.batches:
        yield Claim(f"batch {batch.index}", "" if batch.model_dump(mode="json") in decided else "is not as the ledger says that it was decided")
    if report.rollback:
        back = {entry.agent for entry in ledger.entries if entry.step is Step.RESTORED}
        strangers = sorted(set(report.rollback.restored) - back)
        yield Claim("the rollback", f"restored by no entry of the ledger: {', '.join(strangers)}" if strangers else "")


def _judgements(folder: ReportFolder) -> Iterator[Claim]:
    """The judge says the same again from the stored samples, and the report says what the judge said."""
    stored, report = folder.judgements, folder.report
    claimed = [check for batch in report.batches for check in batch.checks if check.gate in JUDGED]
    if stored is None:
        yield Claim(JUDGEMENTS, "the report quotes the judge, whose judgements are not in the folder" if claimed else "")
        return
    if stored.policy is None:
        yield Claim(JUDGEMENTS, "the run did not store by which policy it was judged, so nothing can be judged again")
    else:
        for again in replay(folder.path, stored, stored.policy):
            yield Claim(f"judgement of {again.what}", f"another one comes out of the stored samples: {again.difference}" if again.difference else "")
    for batch in report.batches:
        told = [check for check in batch.checks if check.gate in JUDGED]
        told = _at_the_last_look(told) if batch.set_back else told
        if told:
            said = batch_findings(stored.batches[batch.index], ANYWHERE) if batch.index in stored.batches else ()
            yield Claim(f"batch {batch.index}, the judge's checks", _difference(told, said))
    if stored.day is not None and report.checks:
        judged = [stored.batches[index] for index in sorted(stored.batches)]
        said = (*day_findings(stored.day, ANYWHERE, judged), *day_shadows(stored.day, ANYWHERE, judged))
        yield Claim("the day, the judge's checks", _difference([check for check in report.checks if check.gate in JUDGED], said))


def _at_the_last_look(told: Sequence[CheckReport]) -> list[CheckReport]:
    """Without what sent agents back alone before the others were looked at once more: the judge's last word alone is stored."""
    last = {check.check: at for at, check in enumerate(told)}
    return [check for at, check in enumerate(told) if last[check.check] == at or check.verdict != Verdict.FAIL.name]


def _difference(told: Sequence[CheckReport], said: Sequence[Finding]) -> str:
    """The first check that the judge did not put in these words."""
    again = {finding.check: check_report(finding.check.partition(".")[0], finding) for finding in said}
    for check in told:
        if check != again.get(check.check):
            said_again = again[check.check].observed if check.check in again else "nothing"
            return f"{check.check}: {check.observed} in the report, {said_again} by the judgements"
    missing = sorted(set(again) - {check.check for check in told})
    return f"the report leaves out {', '.join(missing)}" if missing else ""


def _criterion(report: DayReport, criterion: CriterionReport) -> Claim:
    """The criterion follows from the report's own checks."""
    gates: dict[str, list[CheckReport]] = {}
    for check in report.checks:
        gates.setdefault(check.gate, []).append(check)
    findings = [_finding(check) for check in answers(criterion.measured_by, gates)]
    again = criterion_report(criterion.id, criterion.statement, criterion.bound, findings, criterion.measured_by)
    told, seen = ((each.verdict.value, each.observed, each.sentence, each.agents) for each in (criterion, again))
    return Claim(f"criterion {criterion.id}", "" if told == seen else f"{told[0]}, {told[1]} in the report, {seen[0]}, {seen[1]} by its checks")


def _finding(check: CheckReport) -> Finding:
    """The check as the finding that it was made of."""
    evidence = Evidence("", "", 0.0, 0.0, check.samples) if check.samples else None
    return Finding(check.check, Verdict[check.verdict], check.observed, check.bound, check.sentence, evidence, check.agents)


def _outcome(report: DayReport) -> Iterator[Claim]:
    code = report.outcome.exit_code
    yield Claim("exit code", "" if report.exit_code == code else f"is {report.exit_code}, and {code} for an outcome that is {report.outcome.value}")
    if report.outcome is Outcome.COMPLETE and report.sentence.startswith(f"Day {report.day} is complete:"):
        either = [complete_sentence(report.day, report.agents, report.criteria, changes=changes) for changes in (True, False)]
        holds = any(report.sentence.startswith(said) for said in either)
        yield Claim("the first sentence", "" if holds else f"its counts are not those of the report: {report.sentence}")


def _times(report: DayReport) -> Iterator[Claim]:
    """Nothing ends before it begins."""
    for batch in report.batches:
        forward = batch.began <= batch.verified <= batch.ended <= report.ended
        yield Claim(f"times of batch {batch.index}", "" if forward else "run backwards")
    for step in report.steps:
        forward = report.started <= step.began <= step.ended <= report.ended
        yield Claim(f"times of step {step.title}", "" if forward else "run backwards or out of the run")


def _pages(folder: ReportFolder) -> Iterator[Claim]:
    """report.md and report.html say what report.json, the judgements and the samples say."""
    markdown, page = folder.path / MARKDOWN, folder.path / HTML
    if markdown.exists():
        same = markdown.read_text(encoding="utf-8") == render(folder.report)
        yield Claim(MARKDOWN, "" if same else "is not what report.json says, or was written by another version")
    if page.exists():
        try:
            fresh = SHOWN.findall(render_page(folder, drawn=False))
        except (InputError, KeyError, ValueError) as error:
            yield Claim(HTML, f"cannot be computed again: {error}")
            return
        yield from _page_claims(SHOWN.findall(page.read_text(encoding="utf-8")), fresh)


def _page_claims(told: list[tuple[str, str]], fresh: list[tuple[str, str]]) -> Iterator[Claim]:
    """One claim per number of the page that differs, or one for all of them together."""
    if [place for place, _ in told] != [place for place, _ in fresh]:
        yield Claim(HTML, "shows other values than this version would; draw it again with `rollout report`")
        return
    wrong = [(place, old, new) for (place, old), (_, new) in zip(told, fresh, strict=True) if old != new]
    yield from (Claim(f"{HTML}, {place}", f"shows {old}, computed again it is {new}") for place, old, new in wrong)
    if not wrong:
        yield Claim(f"{len(told)} values of {HTML}", "")
