"""Finishes what a run left open, whatever kind of run it was."""

from __future__ import annotations

from pathlib import Path

from rollout.checkout import plan_file
from rollout.emergency import Call, called, take_back
from rollout.left_open import opened_ledger
from rollout.protocols import PROTOCOLS
from rollout.report import DayReport
from rollout.settlement import settle


def finish(run: str, site_file: Path) -> DayReport | None:
    """An emergency goes on with whoever still has to come back; every other run is settled. None when nothing was open.

    Raises Refused when there is no such run or its process still works, InputError for files that cannot be read.
    """
    ledger = opened_ledger(run, site_file)
    call = called(ledger.file.parents[2], run)
    if ledger.settled or call is None:
        return settle(run, site_file)
    (protocol,) = (protocol for protocol in PROTOCOLS.values() if protocol.said is call.said)
    return take_back(Call(run, call.name, call.reason), protocol, site_file, plan_file(ledger.opened.facts["plan"]))
