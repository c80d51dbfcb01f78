"""What activating and verifying 77 agents costs beside bare restarts of the same programs.

python benchmarks/activation.py [--rounds 5] [--site lab]   (the lab up, no day at work; starts a Prefect server of its own)

Ours: one Prefect flow run that takes the day's batches (canary, then tens) one after the other without bake, each with the tasks of the batch
loop: look for drift; snapshot, ledger, configure, restart, read back by all witnesses; gate. Timed from the call of the flow until Prefect's
server has taken its final state. The process waits up to a second more for Prefect's thread of heartbeats to wake up, which is told beside.
Bare (bare.py): the same batches by XML-RPC, ten at a time, until each program is RUNNING and its /health answers 200; and, second, until RUNNING.
In turns: ours, bare, bare without health. Ours is rolled back, and the last are waited for until they are healthy, neither of which is counted.
A round tells the machine's load average: other work on it shows there. Goal: at most 1.3 times bare.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
from bare import BareRestarts
from prefect import Flow, State, flow
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_LEVEL, temporary_settings
from run77 import ROOT, Run77, run_on

from deployments import server
from rollout.batches import Batch
from rollout.drift import Bystanders
from rollout.executor import Activation
from rollout.verdict import Evidence, Finding, Verdict, worst
from tasks.activate import activate_batch
from tasks.gate import judge_gate
from tasks.validate import find_drift

GOAL = 1.3
PORT = 4309
"""Of the benchmark's own Prefect server."""


def activate_all(run: Run77, bystanders: Bystanders) -> None:
    """The batch loop without its bake; ends the benchmark when an agent is not verified."""
    touched: set[str] = set()
    for batch in run.batches:
        with run.change.part("drift"):
            find_drift(bystanders, touched, batch.index)
        touched.update(batch.ids)
        with run.change.part("activate"):
            activation = activate_batch(run.executor, batch, batch.index, len(run.batches), batch.first, batch.last)
        with run.change.part("gate"):
            findings = judge_activation(run, batch, activation)
        if worst(findings) is not Verdict.PASS:
            raise SystemExit(f"batch {batch.index} is not verified, this is no measurement: {[finding.sentence for finding in findings]}")


def judge_activation(run: Run77, batch: Batch, activation: Activation) -> tuple[Finding, ...]:
    """The witnesses' rows against the activation suite, as the bake does it first."""
    rows = pd.DataFrame([dict(reading.row) for reading in activation.readings])
    evidence = Evidence("supervisor, /proc, probe", "witnesses", activation.since, activation.verified_at, len(rows))
    return judge_gate("activation", rows, run.day.gate("activation").bounds, evidence, batch.ids, (), f"batch {batch.index}")


def ours(run: Run77) -> float:
    """Seconds of one flow run, from its call to its final state."""
    bystanders = run.watch()
    final: list[float] = []

    def note_final(_flow: Flow[[], None], _run: FlowRun, _state: State[None]) -> None:
        final.append(time.perf_counter())

    @flow(name="activation-benchmark", persist_result=False, on_completion=[note_final])
    def activation_benchmark() -> None:
        with run.change.part("flow body"):
            activate_all(run, bystanders)

    run.change.clear()
    began = time.perf_counter()
    activation_benchmark()
    run.change.seconds["lingering"] = time.perf_counter() - final[0]
    return final[0] - began


def shares(run: Run77, whole: float) -> str:
    """Where the time of the last flow run went."""
    part = run.change.seconds
    waiting = part["activate"] - part["snapshot"] - part["act"] - part["looks"]
    return (
        f"drift {part['drift']:.1f}  snapshot {part['snapshot']:.1f}  act {part['act']:.1f}  looks {part['looks']:.1f} ({run.change.looks})  "
        f"waits, ledger, task {waiting:.1f}  gate {part['gate']:.1f}  around the batches {whole - part['flow body']:.1f}; "
        f"the process ended {part['lingering']:.1f} later"
    )


def measure(run: Run77, site_file: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds by side, the sides in turns."""
    bare = BareRestarts(site_file)
    took: dict[str, list[float]] = {"ours": [], "bare": [], "bare, no health": []}
    for number in range(rounds + 1):
        seconds = ours(run)
        told = shares(run, seconds)
        run.roll_back()
        turn = {"ours": seconds, "bare": bare.restart(run.batches, ask_health=True), "bare, no health": bare.restart(run.batches, ask_health=False)}
        bare.await_health(run.batches)
        kind = "warm-up" if number == 0 else f"round {number}"
        print(
            f"{kind} (load {os.getloadavg()[0]:.1f}): " + ", ".join(f"{side} {value:.1f} s" for side, value in turn.items()) + f"\n    ours: {told}",
            flush=True,
        )
        if number:
            for side, value in turn.items():
                took[side].append(value)
    return took


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--site", default="lab")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="bench-") as folder:
        try:
            address = server.up(Path(folder), PORT)
            with temporary_settings({PREFECT_API_URL: address.api_url, PREFECT_LOGGING_LEVEL: "WARNING"}), run_on(options.site) as run:
                took = measure(run, ROOT / "fleets" / f"{options.site}.yaml", options.rounds)
        finally:
            server.down(Path(folder), force=True)
    middle = {side: median(values) for side, values in took.items()}
    print(f"{sum(len(batch.agents) for batch in run.batches)} agents in {len(run.batches)} batches, medians of {options.rounds}")
    for side, value in middle.items():
        print(f"{side:<16} {value:6.1f} s   ({min(took[side]):.1f} to {max(took[side]):.1f})")
    print(f"ratio to bare until RUNNING and healthy  {middle['ours'] / middle['bare']:.2f}   goal {GOAL}")
    print(f"ratio to bare until RUNNING              {middle['ours'] / middle['bare, no health']:.2f}")


if __name__ == "__main__":
    main()
