"""What makes a report's folder whole when it is copied: the ledger and people's words beside the samples, each file with its digest."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from rollout.audit import AuditFile
from rollout.errors import InputError
from rollout.gate_file import GATES
from rollout.on_record import on_record
from rollout.private_folder import private_folder
from rollout.report import DayReport, PersonReport

LEDGER = "ledger.jsonl"
"""The run's ledger as it stood when the report was written; the entry that closes it comes after that."""


def with_records(report: DayReport, folder: Path, ledger: Path, audit: AuditFile) -> DayReport:
    """The report with a copy of the ledger in its folder, by digest, and with all that people said to the run; a bad audit file costs no report.

    Raises Held where the copy cannot be written.
    """
    people: tuple[PersonReport, ...] = ()
    try:
        people = tuple(PersonReport(at=said.at, said=said.said.value, name=said.name, reason=said.reason) for said in audit.of(report.run_id))
    except InputError as error:
        report = report.model_copy(update={"unknowns": (*report.unknowns, f"what people said to this run: {error}")})
    if not ledger.exists():
        return report.model_copy(update={"people": people})
    with on_record("the report", folder):
        private_folder(folder)
        shutil.copyfile(ledger, folder / LEDGER)
    return report.model_copy(update={"people": people, "evidence": report.evidence | {LEDGER: digest(folder / LEDGER)}})


def found_files(folder: Path) -> dict[str, str]:
    """What a run that died left in its folder, hashed as it is found now: nobody vouches for the time before."""
    files = [*sorted(folder.glob("samples/*")), *sorted(folder.glob("judgements.json")), *sorted(folder.glob(GATES))]
    return {str(file.relative_to(folder)): digest(file) for file in files}


def digest(file: Path) -> str:
    """The file's SHA-256 as it stands in a report."""
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
