"""Where the ledger of a run lies, and its spare, so that neither a lost file nor a cleaned folder of runs loses what agents were before."""

from __future__ import annotations

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
    return Ledger(runs / run / "ledger.jsonl", clock, runs.parent / "snapshots" / f"{run}.jsonl")
