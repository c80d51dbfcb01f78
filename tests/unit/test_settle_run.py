"""What the server's automations may settle: a run that stopped in order is no crash."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

import flows.settle_run
from flows.settle_run import After, SettleParameters, settle_run
from rollout.clock import SystemClock
from rollout.ledger import Step
from rollout.run_ledger import run_ledger


@pytest.mark.parametrize(("last", "name"), [(Step.HELD, "Held"), (Step.VERIFIED, "settled")])
def test_a_suspended_run_that_is_called_crashed_is_left_to_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: Step, name: str) -> None:
    """A process ends minutes after the Suspend button was pressed, and the silence after it looks like a crash: nobody is brought back."""
    run = str(uuid4())
    ledger = run_ledger(tmp_path / "runs", run, SystemClock())
    ledger.append(1, Step.OPENED, day=1, plan="week3", site="memory", change="metrics", on_cancel="roll back")
    ledger.append(1, last)
    monkeypatch.setattr(flows.settle_run, "site_of", lambda *_: tmp_path / "memory.yaml")
    monkeypatch.setattr(flows.settle_run, "ledger_of", lambda *_: run_ledger(tmp_path / "runs", run, SystemClock()))
    settled: list[str] = []
    monkeypatch.setattr(flows.settle_run, "settle_when_gone", lambda *_: settled.append(run))
    monkeypatch.setattr(flows.settle_run, "get_run_logger", lambda: None)
    state = settle_run.fn(SettleParameters(run=run, after=After.CRASHED))
    assert (state.name == "Held") is (name == "Held")
    assert settled == ([] if name == "Held" else [run])
