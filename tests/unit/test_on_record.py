"""A disk that takes no more: what a run keeps of its evidence is on record whole, or the run is held and told which file it was."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from rollout.audit import AuditEntry, AuditFile, Order
from rollout.errors import Held
from rollout.foresight import SPREADS, write_spreads
from rollout.gate_file import GATES, GateRecord, add_gate, read_gates
from rollout.judge.power import BaselineSpreads
from rollout.judgement_file import JUDGEMENTS, write_judgements
from rollout.report_file import JSON, write_report
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.reports import report
from tests.unit.test_needs import run_of

RECORD = GateRecord("activation", "batch 1", {}, ("m/A",), (), 1, {}, (), {"activation.running": ("PASS", "All run.")})
SPREAD = BaselineSpreads(8, ())


def keep_samples(folder: Path) -> None:
    """Of a run whose report is in that folder."""
    run = run_of(memory_site(MemoryWorld(), folder.parent.parent), 1)
    assert run.folder == folder
    run.keep_samples("batch-01", pd.DataFrame({"value": [1.0, 2.0]}))


WRITERS: dict[str, Callable[[Path], None]] = {
    GATES: lambda folder: add_gate(folder, RECORD),
    JUDGEMENTS: lambda folder: write_judgements(folder, {}, (), None),
    SPREADS: lambda folder: write_spreads(folder, SPREAD),
    JSON: lambda folder: write_report(folder, report()),
    "samples/batch-01.parquet": keep_samples,
    "audit.jsonl": lambda folder: AuditFile(folder).append(AuditEntry(1.0, "run-x", Order.PAUSE, "ann", "to look")),
}
"""By the file that it leaves in the folder."""


@contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond that many bytes: a write up to there succeeds in part, what follows fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", WRITERS)
def test_what_cannot_be_written_holds(tmp_path: Path, name: str) -> None:
    """Held with the file's name and the reason; what stood there before stands, and with room again it is written."""
    folder = tmp_path / "reports" / "run-x"
    (folder / "samples").mkdir(parents=True)
    WRITERS[name](folder)
    whole = (folder / name).read_bytes()
    with disk_full_at(len(whole) + 20 if name in (GATES, "audit.jsonl") else 20), pytest.raises(Held, match=r"cannot be written \(.*File too large"):
        WRITERS[name](folder)
    assert name == SPREADS or (folder / name).read_bytes() == whole
    WRITERS[name](folder)
    assert (folder / name).read_bytes().startswith(whole)


def test_a_judgement_that_was_torn_off_leaves_the_others_readable(tmp_path: Path) -> None:
    """What a full disk took of a line is gone again, so that a resumed run adds a line and not to half of one."""
    add_gate(tmp_path, RECORD)
    with disk_full_at((tmp_path / GATES).stat().st_size + 20), pytest.raises(Held):
        add_gate(tmp_path, RECORD)
    add_gate(tmp_path, RECORD)
    assert list(read_gates(tmp_path)) == [RECORD, RECORD]
