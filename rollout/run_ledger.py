"""Where the ledger of a run lies, and its spare, so that neither a lost file nor a cleaned folder of runs loses what agents were before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rollout.clock import Clock
from rollout.ledger import Ledger

REBUILT = (
    "which batches there were and what was decided on them: the ledger was lost and was rebuilt from the prior states that are kept beside it, "
    "and from the agents themselves"
)
"""What a report says of a run whose ledger was lost."""


def run_ledger(runs: Path, run: str, clock: Clock) -> Ledger:
    """The ledger of that run. runs: the folder of all runs of a site; a run that never began has an empty one. Raises InputError."""
    return Ledger(_file(runs, run), clock, _spare(runs, run))


def run_ledgers(runs: Path, clock: Clock) -> Iterator[Ledger]:
    """The ledgers of all runs of a site, the one that was written to last first; lost ones too. Raises InputError."""
    names = {file.parent.name for file in runs.glob("*/ledger.jsonl")} | {file.stem for file in _spare(runs, "any").parent.glob("*.jsonl")}
    written = {run: max(file.stat().st_mtime for file in (_file(runs, run), _spare(runs, run)) if file.exists()) for run in names}
    return (run_ledger(runs, run, clock) for run in sorted(names, key=lambda run: -written[run]))


def _file(runs: Path, run: str) -> Path:
    return runs / run / "ledger.jsonl"


def _spare(runs: Path, run: str) -> Path:
    return runs.parent / "snapshots" / f"{run}.jsonl"
